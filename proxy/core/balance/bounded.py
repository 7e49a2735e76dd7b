"""`hash-balance-factor`: how many streams each server may hold so that none has much more than its fair share."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.runtime.server import Server


def bounded_shares(servers: Sequence[Server], factor: int) -> dict[Server, int]:
    """`factor` percent of all streams, the coming one included, dealt out in proportion to the weights; at least one each.

    Source: HAProxy configuration manual, "hash-balance-factor".
    """
    total = sum(server.weight_now for server in servers)
    streams = sum(server.served_by_all() for server in servers) + 1
    slots = (streams * factor + 99) // 100
    shares: dict[Server, int] = {}
    weight = dealt = 0
    for server in servers:
        weight += server.weight_now
        upto = slots * weight // total
        shares[server] = max(1, upto - dealt)
        dealt = upto
    return shares
