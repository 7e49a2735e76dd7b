"""The kernel's side: what the machines decide becomes netlink messages and frames, what the kernel reports becomes facts.

    netlink     one socket to the kernel: requests with their answers, and a second one that listens to what changes
    links       interfaces: index, MAC address, carrier
    addresses   addresses: put, take, list
    routes      routes and rules: put, take
    adverts     raw sockets for advertisements
    announce    gratuitous ARP and unsolicited neighbour advertisements, paced

Source: rtnetlink(7), netlink(7), packet(7), ip(7), ipv6(7).
"""
