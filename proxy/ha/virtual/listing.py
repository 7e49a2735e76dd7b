"""What is going on, as data, and as ipvsadm(8) lists it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from proxy.ha.virtual.plan import Traffic

if TYPE_CHECKING:
    from proxy.ha.virtual.director import Director

FORWARD = {"NAT": "Masq", "DR": "Route", "TUN": "Tunnel"}
HEAD = "IP Virtual Server by pyproxy-ha ({plane})"


def snapshot(director: Director) -> dict[str, Any]:
    """Everything, ready for JSON. Rates are per second."""
    from proxy.ha.virtual.planes.plane import PlaneError

    now = director.now()
    try:
        traffic = director.plane.traffic(exact=True)
    except PlaneError as error:
        director.log.say("warning", str(error))
        traffic = {}
    services = []
    for name, pool in director.pools.items():
        service, configured = pool.service(), pool.configured
        servers = []
        in_service = {each.key: each for each in service.servers}
        for server in service.servers:
            servers.append(_server(director, name, server.key, str(server), server.method.kind.value, server.weight,
                                   traffic.get(name, {}).get(server.key, Traffic()), pool.reals.get(server.key)))
        away = [_away(director, name, key, real) for key, real in pool.reals.items() if key not in in_service]
        services.append({
            "name": name, "matches": [str(match) for match in service.matches], "protocol": service.protocol.value,
            "scheduler": service.scheduler.value, "flags": list(service.flags), "ops": service.ops,
            "persistence_timeout_s": service.persistence_timeout_s, "quorum_up": pool.quorum_up, "quorum": configured.quorum,
            "servers": servers, "away": away,
        })
    return {"pid": os.getpid(), "time": time.time(), "uptime_s": now, "plane": director.plane.name, "services": services,
            "refused": dict(director.refused)}


def _server(director: Director, name: str, key: str, shown: str, kind: str, weight: int, traffic: Traffic,
            real: Any) -> dict[str, Any]:
    estimator = director.estimators.get((name, key))
    rates = estimator.rates if estimator is not None else None
    return {
        "address": shown, "forward": FORWARD[kind], "weight": weight, "alive": real.alive if real is not None else True,
        "sorry": real is None, "active": traffic.active, "inactive": traffic.inactive, "connections": traffic.connections,
        "in_packets": traffic.in_packets, "out_packets": traffic.out_packets, "in_octets": traffic.in_octets,
        "out_octets": traffic.out_octets,
        "rates": {"connections": rates.connections, "in_packets": rates.in_packets, "out_packets": rates.out_packets,
                  "in_octets": rates.in_octets, "out_octets": rates.out_octets} if rates is not None else {},
        "checks": _checks(director, name, key),
    }


def _away(director: Director, name: str, key: str, real: Any) -> dict[str, Any]:
    return {"address": f"{real.server.address}:{real.server.port}", "alive": real.alive, "checks": _checks(director, name, key)}


def _checks(director: Director, name: str, key: str) -> list[dict[str, Any]]:
    return [{"kind": type(checker.check).__name__, "up": checker.up, "why": checker.last_why}
            for (service, real, _), checker in director.checkers.items() if (service, real) == (name, key)]


def listing(found: dict[str, Any], rate: bool = False, stats: bool = False) -> str:
    """The snapshot as `ipvsadm -Ln`, `-Ln --rate` or `-Ln --stats` shows it; servers that are away follow as comments."""
    columns = _RATE if rate else _STATS if stats else _PLAIN
    lines = [HEAD.format(plane=found["plane"])]
    lines += _heading(columns)
    for service in found["services"]:
        options = [service["scheduler"], *service["flags"]]
        if service["persistence_timeout_s"]:
            options.append(f"persistent {service['persistence_timeout_s']}")
        if service["ops"]:
            options.append("ops")
        total = _total(service["servers"])
        for match in service["matches"]:
            kind = "FWM" if match.startswith("FWM") else service["protocol"]
            where = match.removeprefix("FWM ")
            if columns is _PLAIN:
                lines.append(f"{kind:<4} {where} {' '.join(options)}")
            else:
                lines.append(f"{f'{kind:<4} {where}':<35}" + _cells(columns, total))
        for server in service["servers"]:
            lines.append(f"  -> {server['address']:<30}" + _cells(columns, server))
        for server in service["away"]:
            why = "; ".join(f"{check['kind']}: {check['why']}" for check in server["checks"] if not check["up"])
            lines.append(f"  #  {server['address']:<30}" + (f"down: {why or 'not checked yet'}" if not server["alive"]
                                                            else "replaced by the sorry server"))
    for name, why in found["refused"].items():
        lines.append(f"#  {name} is not served: {why}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Column:
    """One column: its title and width, and which number stands there (a rate, or a total)."""

    title: str
    width: int
    field: str
    rate: bool = False

    def cell(self, each: dict[str, Any]) -> str:
        return short(each["rates"].get(self.field, 0.0) if self.rate else each[self.field])


_FIELDS = ("connections", "in_packets", "out_packets", "in_octets", "out_octets")
_PLAIN = (_Column("Forward", 7, "forward"), _Column("Weight", 6, "weight"), _Column("ActiveConn", 10, "active"),
          _Column("InActConn", 10, "inactive"))
_STATS = tuple(_Column(title, 8, field) for title, field in zip(("Conns", "InPkts", "OutPkts", "InBytes", "OutBytes"), _FIELDS,
                                                                strict=True))
_RATE = tuple(_Column(title, 8, field, rate=True) for title, field in zip(("CPS", "InPPS", "OutPPS", "InBPS", "OutBPS"), _FIELDS,
                                                                          strict=True))
_Columns = tuple[_Column, ...]


def _heading(columns: _Columns) -> list[str]:
    if columns is _PLAIN:
        return ["Prot LocalAddress:Port Scheduler Flags", "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn"]
    titles = "".join(f" {each.title:>{each.width}}" for each in columns)
    return [f"{'Prot LocalAddress:Port':<35}{titles}", "  -> RemoteAddress:Port"]


def _cells(columns: _Columns, each: dict[str, Any]) -> str:
    if columns is _PLAIN:
        return " ".join(f"{each[column.field]!s:<{column.width}}" for column in columns).rstrip()
    return "".join(f" {column.cell(each):>{column.width}}" for column in columns)


def _total(servers: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {field: sum(each[field] for each in servers) for field in _FIELDS}
    found["rates"] = {field: sum(each["rates"].get(field, 0.0) for each in servers) for field in _FIELDS}
    return found


def short(number: float) -> str:
    """A number in at most seven characters, as ipvsadm writes it."""
    for size, unit in ((10**13, "T"), (10**10, "G"), (10**8, "M"), (10**6, "K")):
        if number >= size:
            return f"{number / {'T': 1e12, 'G': 1e9, 'M': 1e6, 'K': 1e3}[unit]:.0f}{unit}"
    return f"{number:.0f}"


def dump_text(director: Director, path: str) -> None:
    """Write the listings to a file that is nobody else's: what is in its place is removed first, links are not followed."""
    found = snapshot(director)
    try:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(listing(found) + "\n" + listing(found, stats=True) + "\n" + listing(found, rate=True))
    except OSError as error:
        director.log.say("warning", f"cannot write {path}: {error.strerror}")
