"""Virtual servers as nftables rules, in tables of our own.

    ruleset  what a table is to have, and the transaction that brings it there         pure
    direct   direct routing: chains that remember flows and forward at the device      pure
    nat      NAT: chains that choose a destination for the first packet of a flow      pure
    words    what both write alike: names, matches, turns                              pure
    library  libnftables by ctypes, or the program nft
    reading  counters, flows and connections out of the kernel, by netlink
    plane    keeps the kernel as the services are

Flows, client persistence and counters live in the kernel and are never flushed: a transaction replaces rules only.
"""
