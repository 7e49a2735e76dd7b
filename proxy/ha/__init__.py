"""pyproxy-ha: VRRP and virtual servers from a keepalived.conf, in processes of their own.

    conf      the configuration language and its model                                   (lark, in the reading process only)
    vrrp      the protocol: wire format, elections, tracking, groups     pure: `now` in, actions out, no socket and no clock
    net       the kernel: netlink, raw sockets, ARP and neighbour frames
    speaker   instances on real interfaces: what the machines ask for is done, what the kernel reports is told to them
    virtual   virtual servers: checks, schedulers, and the ways to carry connections (IPVS, nftables, user space)
    daemon    the processes: parent, VRRP child, checkers child; command line, signals, pid files, status

         parent ──reads the file in a child of its own, keeps the children alive, passes on signals
           ├── VRRP child        (-r pid file)  `speaker`, SCHED_RR where asked
           └── checkers child    (-c pid file)  `virtual`

Nothing of this runs inside a proxy's process: a busy worker must not delay an advertisement. The children import neither lark nor
asyncio; a reload parses in a process of its own while the timers run on.
"""
