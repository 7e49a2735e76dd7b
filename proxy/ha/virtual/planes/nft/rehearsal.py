"""Whether this kernel and this nft can do what our rules need: tried once, in a table that the same transaction takes away."""

from __future__ import annotations

from proxy.ha.virtual.planes.nft.library import Nft, NftError

TABLE = "pyproxy_rehearsal"

# What each transaction would need a kernel option for, and its words for the user.
_PARTS = (
    ("nf_tables for netdev, with maps that packets may change (CONFIG_NF_TABLES_NETDEV)",
     "add table netdev {table}\n"
     "add map netdev {table} m {{ typeof ip saddr . tcp sport : meta mark; size 16; flags dynamic,timeout; }}\n"
     "add chain netdev {table} c\n"
     "add rule netdev {table} c meta mark set ip saddr . tcp sport map @m\n"
     "add rule netdev {table} c update @m {{ ip saddr . tcp sport timeout 1s : meta mark }}\n"),
    ("forwarding at the device (CONFIG_NFT_FWD_NETDEV)",
     "add table netdev {table}\nadd chain netdev {table} c\n"
     "add rule netdev {table} c fwd ip to 127.0.0.1 device \"lo\"\n"),
    ("turns and hashes (CONFIG_NFT_NUMGEN, CONFIG_NFT_HASH)",
     "add table netdev {table}\nadd chain netdev {table} c\n"
     "add rule netdev {table} c meta mark set numgen inc mod 2\n"
     "add rule netdev {table} c meta mark set jhash ip saddr mod 256 seed 0x1\n"),
    ("destination NAT (CONFIG_NFT_NAT)",
     "add table ip {table}\nadd chain ip {table} c {{ type nat hook prerouting priority -100; }}\n"
     "add rule ip {table} c ip daddr 127.0.0.2 tcp dport 1 dnat to 127.0.0.3:1\n"),
)


def rehearse(nft: Nft) -> str:
    """What is missing; "" when all is there."""
    for what, text in _PARTS:
        family = "ip" if "table ip " in text else "netdev"
        try:
            nft.run(text.format(table=TABLE) + f"delete table {family} {TABLE}\n")
        except NftError as error:
            return f"nftables here lacks {what}: {error}"
    return ""
