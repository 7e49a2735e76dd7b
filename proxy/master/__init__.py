"""The life of the process: bind, daemonise, drop privileges, signals, soft stop."""
