"""What a running load balancer is made of: frontends, backends, servers, listeners and the board of their counters.

Plain objects without sockets. `build` makes them from a configuration, `core` decides on them, `engine` moves bytes for
them, the control plane reads them. A server's state changes through `Server.set_state` only.
"""
