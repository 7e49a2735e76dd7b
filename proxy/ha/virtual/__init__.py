"""Virtual servers: one address in front of many real servers, and checks that take the dead ones out.

    plan      what a data plane is to do, as values: services, their servers with weights        pure
    schedule  `lb_algo` as turns and buckets for planes that have no scheduler of their own      pure
    timing    when a real server is checked, and when it counts as up or down                     pure: `now` in, deadline out
    pool      a virtual server's servers: weights, quorum, sorry server → the service to serve   pure
    probes    one file per checker: sockets and programs
    planes    one folder per way to carry connections: IPVS, nftables, user space
    notices   scripts, pipes and mail
    director  ties them together on one loop
    listing   what `pyproxy-ha ipvsadm` shows

    probe ──ok, why──> timing ──up, down──> pool ──Service──> plane ──> kernel
                                              └──events──> notices

A plane keeps established connections whatever becomes of the other servers. What the planes have in the kernel outlives a crash
of this process; a new one takes it over without touching the connections.
"""
