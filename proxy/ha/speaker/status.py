"""What is going on, as data, as a table, as metrics."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from proxy.ha.exposition import family

if TYPE_CHECKING:
    from proxy.ha.speaker.member import Member
    from proxy.ha.speaker.stage import Stage

SHOWN_CHANGES = 5


def snapshot(stage: Stage) -> dict[str, Any]:
    """Everything, ready for JSON. Units: `_s` are seconds, `at` and `since` seconds since the epoch."""
    now = stage.now()
    return {
        "pid": os.getpid(),
        "time": time.time(),
        "instances": [_instance(member, now) for member in stage.members.values()],
        "groups": [{"name": group.name, "state": group.state.value, "members": list(group.members)}
                   for group in stage.groups.values()],
        "unknown_vrids": stage.strangers_count,
    }


def _instance(member: Member, now: float) -> dict[str, Any]:
    from proxy.ha.speaker.member import shown

    router, instance, counters = member.router, member.instance, member.counters
    heard = router.heard
    return {
        "name": member.name, "state": member.state.value, "reason": router.reason, "since": member.since_s,
        "interface": instance.interface, "virtual_router_id": instance.virtual_router_id, "version": instance.version,
        "priority": router.priority, "configured_priority": instance.priority,
        "effects": [str(effect) for effect in member.effects if effect.change],
        "faults": member.faults, "source": shown(router.source), "advert_int_s": router.interval_s,
        "last_advert": None if heard.at < 0 else {"from": shown(heard.source), "priority": heard.priority,
                                                  "ago_s": round(now - heard.at, 3)},
        "addresses": [str(each) for each in member.holdings.belongings.addresses], "held": member.holdings.held,
        "adverts_sent": counters.adverts_sent, "adverts_received": counters.adverts_received,
        "priority_zero_sent": counters.priority_zero_sent, "priority_zero_received": counters.priority_zero_received,
        "became_master": counters.became_master, "released_master": counters.released_master, "send_errors": counters.send_errors,
        "restored_addresses": counters.restored_addresses,
        "dropped": {drop.value: count for drop, count in counters.dropped.items()},
        "changes": [{"at": each.at_s, "from": each.old.value, "to": each.new.value, "reason": each.reason}
                    for each in member.history],
    }


def table(found: dict[str, Any]) -> str:
    """The snapshot as a person reads it."""
    rows = [("INSTANCE", "STATE", "SINCE", "PRIORITY", "LAST ADVERT", "SENT", "HEARD", "ADDRESSES")]
    for each in found["instances"]:
        rows.append((each["name"], each["state"], _ago(found["time"] - each["since"]), _priority(each), _advert(each),
                     str(each["adverts_sent"]), str(each["adverts_received"]), _addresses(each)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for group in found["groups"]:
        lines.append(f"group {group['name']}: {group['state']} ({', '.join(group['members'])})")
    for each in found["instances"]:
        lines += ["", f"{each['name']} on {each['interface'] or 'any interface'}, VRID {each['virtual_router_id']}, version "
                      f"{each['version']}:"
                      f" {each['state']} because {each['reason'] or 'it has not started'}"]
        lines += [f"  fault: {reason}" for reason in each["faults"]]
        if each["dropped"]:
            lines.append("  dropped: " + ", ".join(f"{kind} {count}" for kind, count in sorted(each["dropped"].items())))
        for change in each["changes"][-SHOWN_CHANGES:]:
            lines.append(f"  {time.strftime('%F %T', time.localtime(change['at']))}  {change['from']} -> {change['to']}  "
                         f"{change['reason']}")
    return "\n".join(lines) + "\n"


def _priority(each: dict[str, Any]) -> str:
    why = f" = {each['configured_priority']} with {', '.join(each['effects'])}" if each["effects"] else ""
    return f"{each['priority']}{why}"


def _advert(each: dict[str, Any]) -> str:
    last = each["last_advert"]
    return "none" if last is None else f"{last['priority']} from {last['from']}, {last['ago_s']:.1f} s ago"


def _addresses(each: dict[str, Any]) -> str:
    return " ".join(each["addresses"]) if each["held"] else f"({' '.join(each['addresses'])})"


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{max(seconds, 0):.1f} s"


_STATES = {"INIT": 0, "BACKUP": 1, "MASTER": 2, "FAULT": 3, "STOP": 4}
# Metric, type, help, the snapshot's field.
_METRICS = (
    ("state", "gauge", "0 INIT, 1 BACKUP, 2 MASTER, 3 FAULT, 4 STOP", "state"),
    ("priority", "gauge", "effective priority", "priority"),
    ("since_seconds", "gauge", "when the state was entered, since the epoch", "since"),
    ("adverts_sent_total", "counter", "advertisements sent", "adverts_sent"),
    ("adverts_received_total", "counter", "advertisements that counted", "adverts_received"),
    ("priority_zero_sent_total", "counter", "advertisements with priority 0 sent", "priority_zero_sent"),
    ("priority_zero_received_total", "counter", "advertisements with priority 0 received", "priority_zero_received"),
    ("became_master_total", "counter", "transitions to MASTER", "became_master"),
    ("released_master_total", "counter", "transitions from MASTER", "released_master"),
    ("send_errors_total", "counter", "advertisements that could not be sent", "send_errors"),
    ("restored_addresses_total", "counter", "addresses put back after somebody removed them", "restored_addresses"),
)


def metrics_text(stage: Stage) -> str:
    """The snapshot for Prometheus."""
    found = snapshot(stage)
    lines: list[str] = []
    for name, kind, what, field in _METRICS:
        lines += family(f"pyproxy_ha_vrrp_{name}", kind, what,
                         ((_labels(each), _STATES[each[field]] if field == "state" else each[field])
                          for each in found["instances"]))
    lines += family("pyproxy_ha_vrrp_dropped_total", "counter", "packets dropped, by reason", (
        ({**_labels(each), "reason": reason}, count) for each in found["instances"] for reason,
        count in sorted(each["dropped"].items())))
    lines += family("pyproxy_ha_vrrp_unknown_vrid_total", "counter", "packets for routers that are not configured",
                     [({}, found["unknown_vrids"])])
    return "\n".join(lines) + "\n"


def _labels(each: dict[str, Any]) -> dict[str, str]:
    return {"instance": each["name"], "interface": each["interface"], "vrid": str(each["virtual_router_id"])}


DUMPS = "/tmp"
"""Where keepalived writes what its signals ask for."""


def dump(stage: Stage, name: str, text: str) -> None:
    """Write a file that is nobody else's: what is in its place is removed first, links are not followed."""
    path = f"{DUMPS}/{name}"
    try:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        stage.log.say("warning", f"cannot write {path}: {error.strerror}")
    else:
        stage.log.say("info", f"written: {path}")
