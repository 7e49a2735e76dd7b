"""`vrrp_sync_group`, `garp_group`, `interface_up_down_delays` and `linkbeat_interfaces`."""

from __future__ import annotations

from proxy.ha.conf.keywords.notify import notify_rows
from proxy.ha.conf.keywords.row import Acts, Draft, Keyword, Line, Refusal, Table, nothing
from proxy.ha.conf.keywords.tracking import track_rows
from proxy.ha.conf.keywords.values import decimal_of, interface_name, seconds, sets, true, words_of_block
from proxy.ha.conf.model import InterfaceDelay


def _members(line: Line, draft: Draft) -> None:
    draft.values.setdefault("members", []).extend(word.text for word in words_of_block(line))


_GROUP = Keyword("group", "{ <instance>... }", _members, block=True, loads=("group {\n}",), fails=("group a",))

SYNC_ROWS = (
    _GROUP,
    *track_rows(),
    *notify_rows(instance=False),
    Keyword("sync_group_tracking_weight", "", sets("tracking_weight", true), "off", most=0, loads=("sync_group_tracking_weight",),
            fails=("sync_group_tracking_weight 1",)),
    Keyword("global_tracking", "", sets("tracking_weight", true), most=0, acts=Acts.OLD, instead="sync_group_tracking_weight",
            loads=("global_tracking",)),
)
SYNC = Table("vrrp_sync_group", SYNC_ROWS,
             "vrrp_sync_group G {{\ngroup {{ V W }}\n{}\n}}\nvrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\n"
             "virtual_ipaddress {{ 192.0.2.1 }}\n}}\n"
             "vrrp_instance W {{\ninterface eth0\nvirtual_router_id 2\nvirtual_ipaddress {{ 192.0.2.2 }}\n}}")


def _interface(line: Line, draft: Draft) -> None:
    draft.add("interfaces", interface_name(line, 0))


def _interfaces(line: Line, draft: Draft) -> None:
    draft.values.setdefault("interfaces", []).extend(word.text for word in words_of_block(line))


GARP_ROWS = (
    Keyword("garp_interval", "<seconds>", sets("garp_interval_s", seconds(0.000001, 4294)), "0", 1, 1,
            loads=("garp_interval 0.01",), fails=("garp_interval", "garp_interval 0")),
    Keyword("gna_interval", "<seconds>", sets("gna_interval_s", seconds(0.000001, 4294)), "0", 1, 1, loads=("gna_interval 0.01",),
            fails=("gna_interval",)),
    Keyword("interface", "<interface>", _interface, least=1, most=1, loads=("interface eth1",), fails=("interface",)),
    Keyword("interfaces", "{ <interface>... }", _interfaces, block=True, loads=("interfaces {\neth1\neth2\n}",),
            fails=("interfaces eth1",)),
)
GARP = Table("garp_group", GARP_ROWS, "garp_group {{\ngarp_interval 0.1\ninterface eth0\n{}\n}}")


def read_delays(line: Line, draft: Draft) -> None:
    """`interface_up_down_delays`: a line for each interface."""
    for entry in line.entries:
        words = entry.words
        try:
            if len(words) < 2:
                raise Refusal(f"'{entry.keyword}' needs its delay", words[0], f"write: {entry.keyword} 0.5")
            down = decimal_of(words[1], 0, 255)
            up = decimal_of(words[2], 0, 255) if len(words) > 2 else down
        except Refusal as refusal:
            line.warn(refusal.message, refusal.at, refusal.hint)
            continue
        draft.add("interface_delays", InterfaceDelay(entry.keyword, down, up, entry.where))


DELAYS = Keyword("interface_up_down_delays", "{ <interface> <down> [<up>]... }", read_delays, block=True,
                 loads=("interface_up_down_delays {\neth0 0.5 2\neth1 1\n}",),
                 fails=("interface_up_down_delays {\neth0\n}", "interface_up_down_delays x"))
LINKBEAT = Keyword("linkbeat_interfaces", "{ <interface> [MII|ETHTOOL|IOCTL]... }", nothing, block=True, acts=Acts.IGNORED,
                   instead="the kernel reports the carrier by itself", loads=("linkbeat_interfaces {\neth0\n}",))
