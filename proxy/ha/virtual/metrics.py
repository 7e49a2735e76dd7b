"""Virtual servers as metrics: who is up, with which weight, and what each real server has had."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from proxy.ha.exposition import family
from proxy.ha.virtual.plan import Traffic
from proxy.ha.virtual.planes.plane import PlaneError

if TYPE_CHECKING:
    from proxy.ha.virtual.director import Director

# Metric, type, help, the field of Traffic.
_TRAFFIC = (
    ("active_connections", "gauge", "connections in ESTABLISHED state", "active"),
    ("inactive_connections", "gauge", "connections in any other state", "inactive"),
    ("connections_total", "counter", "connections begun", "connections"),
    ("in_packets_total", "counter", "packets to the server; 0 where the plane counts none", "in_packets"),
    ("out_packets_total", "counter", "packets from the server; 0 with direct routing", "out_packets"),
    ("in_bytes_total", "counter", "octets to the server", "in_octets"),
    ("out_bytes_total", "counter", "octets from the server; 0 with direct routing", "out_octets"),
)
_Values = list[tuple[dict[str, str], float]]


def metrics_text(director: Director) -> str:
    """Everything for Prometheus; connections that there are now may be an estimate."""
    try:
        traffic = director.plane.traffic(exact=False)
    except PlaneError as error:
        director.log.say("warning", str(error))
        traffic = {}
    quorum: _Values = []
    up: _Values = []
    weight: _Values = []
    checks: _Values = []
    carried: list[tuple[dict[str, str], Traffic]] = []
    for name, pool in director.pools.items():
        labels = {"virtual_server": name}
        quorum.append((labels, int(pool.quorum_up)))
        in_service = {each.key: each for each in pool.service().servers}
        for key, real in pool.reals.items():
            of_real = {**labels, "real_server": pool.server_name(real.server)}
            up.append((of_real, int(real.alive)))
            weight.append((of_real, in_service[key].weight if key in in_service else 0))
            checks += [({**of_real, "check": kind}, int(is_up)) for kind, is_up in _checks(director, name, key)]
        for key, server in in_service.items():
            known = pool.reals.get(key)
            shown = pool.server_name(known.server) if known is not None else f"{server} (sorry server)"
            carried.append(({**labels, "real_server": shown}, traffic.get(name, {}).get(key, Traffic())))
    lines = family("pyproxy_ha_virtual_server_quorum_up", "gauge", "whether enough real servers live", quorum)
    lines += family("pyproxy_ha_real_server_up", "gauge", "whether every check of a real server succeeds", up)
    lines += family("pyproxy_ha_real_server_weight", "gauge", "the weight it is served with now", weight)
    lines += family("pyproxy_ha_real_server_check_up", "gauge", "whether one check succeeds", checks)
    for name, kind, what, field in _TRAFFIC:
        lines += family(f"pyproxy_ha_real_server_{name}", kind, what,
                        [(labels, getattr(each, field)) for labels, each in carried])
    lines += family("pyproxy_ha_virtual_servers_refused", "gauge", "virtual servers that cannot be served here",
                    [({}, len(director.refused))])
    return "\n".join(lines) + "\n"


def _checks(director: Director, name: str, key: str) -> Iterator[tuple[str, bool]]:
    """The checks of a real server; several of one kind are told apart by their number."""
    for (service, real, index), checker in director.checkers.items():
        if (service, real) == (name, key):
            yield f"{index} {type(checker.check).__name__}", checker.up
