"""Virtual servers by the kernel's own IPVS, through generic netlink.

    wire     services and destinations as attributes, and back            pure
    kernel   requests and dumps of the IPVS family
    plane    keeps the kernel's services as ours are
"""
