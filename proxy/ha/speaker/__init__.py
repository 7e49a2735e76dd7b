"""Virtual routers on real interfaces: the VRRP child's work.

    stage        every instance, group and tracked thing of a configuration: start, reload, stop
    instance     one instance: its router, what the router asks for done, what is heard and tracked told to it
    interfaces   links and addresses as the kernel reports them
    sockets      the raw sockets, shared by interface and family
    holdings     addresses, routes and rules: taken, given back, put again when somebody removes them
    trackers     scripts, files, processes and proxies: up, down or a number
    notices      scripts, pipes and mails that tell of transitions
    status       all of it as a table, JSON, or metrics

    kernel, scripts, peers ──facts──> instance ──> vrrp.router ──actions──> instance ──> sockets, holdings, notices
                                          └──> vrrp.group ──> the other members

While there is any reason in `Member.faults`, an instance is in FAULT, with its group.
"""
