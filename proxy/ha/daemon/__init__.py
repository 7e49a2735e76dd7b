"""The processes of pyproxy-ha, and its command line.

    command       words in, exit status out
    arguments     the command line's words, keepalived's
    reading       the configuration, read by a child that ends: lark and the keyword table never stay
    parent        keeps the children, hands them configurations, passes signals on
    children      which children there are, and what runs in each
    vrrp          the VRRP child
    scheduling    SCHED_RR, nice, memory that is never swapped, processors
    capabilities  what the kernel lets us do, and what to say when it does not
    status        a socket that answers what is going on; `pyproxy-ha status`; metrics

    terminal ──> parent ──fork──> reader    ──pickle──> parent
                        ├─fork──> VRRP      <──configurations over a socket pair──
                        └─fork──> checkers  <──configurations over a socket pair──
"""
