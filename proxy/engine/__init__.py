"""Sockets and timers: listeners, client and server connections, tunnels, the log sink. The only floor that moves octets."""
