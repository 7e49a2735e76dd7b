"""Ways to carry connections to real servers, one folder each.

    plane      what each of them can be asked
    choose     which one this kernel offers
    ipvs       the kernel's own, through generic netlink
    nft        nftables: direct routing at the network device, NAT in the connection tracking
    userspace  pyproxy's TCP mode in a child process, where the kernel offers neither
"""
