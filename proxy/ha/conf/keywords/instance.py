"""`vrrp_instance`."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.config.statements import Word
from proxy.ha.conf.keywords.addresses import reads_addresses
from proxy.ha.conf.keywords.global_ import read_garp_extra_if
from proxy.ha.conf.keywords.notify import notify_rows
from proxy.ha.conf.keywords.routes import reads_routes, reads_rules
from proxy.ha.conf.keywords.row import SURPLUS, Acts, Draft, Keyword, Line, Refusal, Table, nothing, read_entries
from proxy.ha.conf.keywords.tracking import track_rows
from proxy.ha.conf.keywords.values import (
    address,
    address_of,
    boolean,
    choice,
    constant,
    decimal_of,
    integer,
    integer_of,
    interface_name,
    seconds,
    sets,
    true,
)
from proxy.ha.conf.model import UnicastPeer

AUTH_OCTETS = 8


def _state(line: Line, draft: Draft) -> None:
    draft.values["state"] = choice("MASTER", "BACKUP", folded=True)(line, 0)


def _auth_type(line: Line, draft: Draft) -> None:
    word = line.text(0)
    if word == "AH":
        raise Refusal("auth_type AH is not supported", line.at(0),
                      "write: auth_type PASS, or better: unicast_peer with check_unicast_src")
    if word not in ("PASS", "pass", "NONE"):
        raise Refusal(f"unknown auth_type '{word}'", line.at(0), "write: auth_type PASS")
    draft.values["auth_type"] = word.upper()


def _auth_pass(line: Line, draft: Draft) -> None:
    octets = line.text(0).encode("utf-8", "surrogateescape")
    if not octets:
        raise Refusal("the password is empty", line.at(0), "write: auth_pass SECRET")
    if len(octets) > AUTH_OCTETS:
        line.warn(f"Truncating auth_pass to {AUTH_OCTETS} characters", line.at(0),
                  "the protocol carries no more: shorten it on every machine")
    draft.values["auth_pass"] = octets[:AUTH_OCTETS]


_AUTHENTICATION_ROWS = (
    Keyword("auth_type", "PASS", _auth_type, "NONE", 1, 1, loads=("auth_type PASS",),
            fails=("auth_type", "auth_type AH", "auth_type MD5", "auth_type PASS x")),
    Keyword("auth_pass", "<password>", _auth_pass, least=1, most=1,
            loads=("auth_pass 123456#x", "auth_pass 12345678", 'auth_pass "a b"'),
            fails=("auth_pass", "auth_pass 123456789", "auth_pass a b", 'auth_pass ""')),
)
AUTHENTICATION = Table("authentication", _AUTHENTICATION_ROWS,
                       "vrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{ 192.0.2.1 }}\n"
                       "authentication {{\nauth_type PASS\nauth_pass x\n{}\n}}\n}}")


def _authentication(line: Line, draft: Draft) -> None:
    read_entries(line.entries, AUTHENTICATION, draft, line.diagnostics)


def _advert_int(line: Line, draft: Draft) -> None:
    draft.values["advert_int_s"] = decimal_of(line.arguments[0], 0.01, 255.0)


def _peers(line: Line, draft: Draft) -> None:
    for entry in line.entries:
        try:
            draft.add("unicast_peers", _peer(line, entry.words[0], entry.words[1:]))
        except Refusal as refusal:
            line.warn(refusal.message, refusal.at, refusal.hint)


def _peer(line: Line, first: Word, rest: Sequence[Word]) -> UnicastPeer:
    found: dict[str, int] = {}
    words = list(rest)
    while words:
        word = words.pop(0)
        if word.text not in ("min_ttl", "max_ttl"):
            line.warn(f"surplus word '{word.text}' ignored", word, f"write: {first.text}", SURPLUS)
            break
        if not words:
            raise Refusal(f"'{word.text}' needs a number", word, f"write: {first.text} {word.text} 255")
        found[word.text] = integer_of(words.pop(0), 0, 255)
    return UnicastPeer(address_of(first, "unicast peer address"), where=first.where, **found)


def _source(line: Line, draft: Draft) -> None:
    draft.values["src_ip"] = address(line, 0)
    if line.keyword == "unicast_src_ip":
        draft.values["unicast_source"] = True


def _destination(line: Line, draft: Draft) -> None:
    group = address(line, 0)
    if not group.is_multicast:
        raise Refusal(f"'{group}' is no multicast address", line.at(0),
                      "write an address such as 224.0.0.18; for one machine: unicast_peer")
    draft.values["mcast_dst_ip"] = group


def _extra_if(line: Line, draft: Draft) -> None:
    read_garp_extra_if("garp_extra_if", line, draft)


VMAC = "the addresses answer with the interface's own MAC address, and gratuitous ARP tells the neighbours"

ROWS: tuple[Keyword, ...] = (
    Keyword("state", "MASTER|BACKUP", _state, "BACKUP", 1, 1, loads=("state MASTER", "state BACKUP"),
            fails=("state", "state FOO", "state MASTER x")),
    Keyword("interface", "<interface>", sets("interface", interface_name), least=1, most=1, loads=("interface eth1",),
            fails=("interface", "interface eth1 //x", "interface a-name-that-is-too-long")),
    Keyword("virtual_router_id", "<1..255>", sets("virtual_router_id", integer(1, 255)), least=1, most=1,
            loads=("virtual_router_id 255",),
            fails=("virtual_router_id", "virtual_router_id 0", "virtual_router_id 256", "virtual_router_id x",
                   "virtual_router_id 1 2")),
    Keyword("priority", "<1..255>", sets("priority", integer(1, 255)), "100", 1, 1, loads=("priority 150",),
            fails=("priority", "priority 0", "priority abc", "priority 150 //x")),
    Keyword("advert_int", "<seconds>", _advert_int, "1", 1, 1, loads=("advert_int 1", "advert_int 255"),
            fails=("advert_int", "advert_int 0", "advert_int 256", "advert_int 1s")),
    Keyword("version", "2|3", sets("version", integer(2, 3)), "vrrp_version", 1, 1, loads=("version 3",),
            fails=("version", "version 1", "version 2 3")),
    Keyword("authentication", "{ auth_type PASS  auth_pass <password> }", _authentication, block=True,
            loads=("authentication {\nauth_type PASS\nauth_pass 1234\n}",),
            fails=("authentication PASS", "authentication {\nauth_typ PASS\n}")),
    Keyword("nopreempt", "", constant("nopreempt", True), "off", most=0, loads=("nopreempt",), fails=("nopreempt 1",)),
    Keyword("preempt", "", constant("nopreempt", False), "on", most=0, loads=("preempt",), fails=("preempt 1",)),
    Keyword("preempt_delay", "<0..1000>", sets("preempt_delay_s", seconds(0, 1000)), "0", 1, 1, loads=("preempt_delay 4.12",),
            fails=("preempt_delay", "preempt_delay 2000")),
    *(Keyword(word, "<address>", _source, "the interface's first address", 1, 1, loads=(f"{word} 192.0.2.7",),
              fails=(word, f"{word} eth0"))
      for word in ("unicast_src_ip", "mcast_src_ip")),
    Keyword("mcast_dst_ip", "<address>", _destination, "vrrp_mcast_group4", 1, 1, loads=("mcast_dst_ip 224.0.0.19",),
            fails=("mcast_dst_ip", "mcast_dst_ip 192.0.2.1")),
    Keyword("track_src_ip", "", sets("track_src_ip", true), "off", most=0, loads=("track_src_ip",), fails=("track_src_ip 1",)),
    Keyword("unicast_peer", "{ <address> [min_ttl <n>] [max_ttl <n>]... }", _peers, block=True,
            loads=("unicast_peer {\n192.0.2.2\n192.0.2.3 min_ttl 254 max_ttl 255\n}",),
            fails=("unicast_peer 192.0.2.2", "unicast_peer {\n192.0.2.300\n}", "unicast_peer {\n192.0.2.2 min_ttl\n}",
                   "unicast_peer {\n192.0.2.2 x\n}")),
    Keyword("unicast_ttl", "<0..255>", sets("unicast_ttl", integer(0, 255)), "255", 1, 1, loads=("unicast_ttl 2\n"
                                                                                                 "unicast_peer {\n192.0.2.2\n}",),
            fails=("unicast_ttl", "unicast_ttl 256")),
    Keyword("unicast_fault_no_peer", "", sets("unicast_fault_no_peer", true), "off", most=0,
            loads=("unicast_fault_no_peer\nunicast_peer {\n192.0.2.2\n}",), fails=("unicast_fault_no_peer 1",)),
    Keyword("check_unicast_src", "[<BOOL>]", sets("check_unicast_src", boolean), "vrrp_check_unicast_src", most=1,
            loads=("check_unicast_src\nunicast_peer {\n192.0.2.2\n}",),
            fails=("check_unicast_src 2",)),
    *track_rows(),
    Keyword("dont_track_primary", "", sets("dont_track_primary", true), "off", most=0, loads=("dont_track_primary",),
            fails=("dont_track_primary 1",)),
    Keyword("virtual_ipaddress", "{ <address>[/<prefix>] [brd <a>] [dev <if>] [scope <s>] [label <l>] [no_track]... }",
            reads_addresses("virtual_addresses"),
            block=True,
            loads=("virtual_ipaddress {\n192.0.2.9/24 brd 192.0.2.255 dev eth0 scope global label eth0:1\n"
                   "192.0.2.10 brd + no_track\n}",),
            fails=("virtual_ipaddress 192.0.2.1", "virtual_ipaddress {\n192.0.2.300\n}", "virtual_ipaddress {\n192.0.2.1 //x\n}",
                   "virtual_ipaddress {\n192.0.2.1 scope here\n}", "virtual_ipaddress {\n192.0.2.1 dev\n}")),
    Keyword("virtual_ipaddress_excluded", "{ <address>[/<prefix>] ... }", reads_addresses("virtual_addresses_excluded"),
            block=True,
            loads=("virtual_ipaddress_excluded {\n2001:db8::9/64 nodad preferred_lft 0\n192.0.2.11 peer 192.0.2.12\n}",),
            fails=("virtual_ipaddress_excluded 1", "virtual_ipaddress_excluded {\n2001:db8::9 brd +\n}")),
    Keyword("virtual_routes", "{ [src <a>] [to] <network> via|gw <a> [dev <if>] [table <t>] ... }",
            reads_routes("virtual_routes"), block=True,
            loads=("virtual_routes {\nsrc 192.0.2.1 to 198.51.100.0/24 via 192.0.2.254 dev eth0\n"
                   "0.0.0.0/0 gw 192.0.2.254 table 100\n"
                   "blackhole 203.0.113.0/24\n198.51.100.0/25 via 192.0.2.2 or 192.0.2.3 dev eth0 no_track\n"
                   "default via 192.0.2.1 metric 5 mtu lock 1400\n"
                   "198.51.100.128/25 nexthop via 192.0.2.4 weight 2 nexthop via 192.0.2.5 dev eth1 onlink\n"
                   "2001:db8:1::/48 via 2001:db8::1\n}",),
            fails=("virtual_routes x", "virtual_routes {\n198.51.100.0/24 via\n}", "virtual_routes {\nvia 192.0.2.1\n}",
                   "virtual_routes {\n198.51.100.0/24 thru 192.0.2.1\n}")),
    Keyword("virtual_rules", "{ [from <network>] [to <network>] table <t> ... }", reads_rules("virtual_rules"), block=True,
            loads=("virtual_rules {\nfrom 192.0.2.0/24 table 100 order 9\nto 198.51.100.0/24 table 1 no_track pref 8\n"
                   "not from 2001:db8::/32 table 6 preference 7\n"
                   "fwmark 5/0xff preference 39 goto 40\nfrom 192.0.2.9 iif eth0 prohibit priority 6\n}",),
            fails=("virtual_rules x", "virtual_rules {\nfrom 192.0.2.0/24 table 1\n}", "virtual_rules {\nfrom 192.0.2.0/24\n}",
                   "virtual_rules {\nfrom x table 1\n}",
                   "virtual_rules {\nunto 192.0.2.1 table 1\n}")),
    Keyword("promote_secondaries", "", sets("promote_secondaries", true), "off", most=0, loads=("promote_secondaries",),
            fails=("promote_secondaries 1",)),
    *notify_rows(instance=True),
    *(Keyword(word, "<seconds>", sets(f"{word}_s", seconds()), f"vrrp_{word}", 1, 1, loads=(f"{word} 10",),
              fails=(word, f"{word} x"))
      for word in ("garp_master_delay", "garp_master_refresh", "garp_lower_prio_delay")),
    *(Keyword(word, "<n>", sets(word, integer(low, 65535)), f"vrrp_{word}", 1, 1, loads=(f"{word} 3",),
              fails=(word, f"{word} x", f"{word} 65536"))
      for word, low in (("garp_master_repeat", 1), ("garp_master_refresh_repeat", 1), ("garp_lower_prio_repeat", 0))),
    Keyword("garp_extra_if", "[all] <seconds>", _extra_if, "0, none", 1, loads=("garp_extra_if all 100",),
            fails=("garp_extra_if", "garp_extra_if all")),
    Keyword("down_timer_adverts", "<1..100>", sets("down_timer_adverts", integer(1, 100)), "3", 1, 1,
            loads=("down_timer_adverts 4",),
            fails=("down_timer_adverts", "down_timer_adverts 0")),
    Keyword("accept", "", constant("accept", True), "on", most=0, loads=("accept",), fails=("accept 1",)),
    Keyword("no_accept", "", constant("accept", False), "off", most=0, loads=("no_accept",), fails=("no_accept 1",)),
    Keyword("strict_mode", "[<BOOL>]", sets("strict", boolean), "vrrp_strict", most=1, loads=("strict_mode off",),
            fails=("strict_mode 2",)),
    *(Keyword(word, "[<BOOL>]", sets(word, boolean), f"vrrp_{word}", most=1, loads=(word, f"{word} off"), fails=(f"{word} 2",))
      for word in ("skip_check_adv_addr", "lower_prio_no_advert", "higher_prio_send_advert")),
    Keyword("use_vmac", "[<interface>]", nothing, acts=Acts.IGNORED, instead=VMAC, loads=("use_vmac", "use_vmac vrrp.51")),
    *(Keyword(word, "", nothing, acts=Acts.IGNORED, instead=VMAC, loads=(word,)) for word in ("use_vmac_addr", "vmac_xmit_base")),
    Keyword("use_ipvlan", "[<interface>]", nothing, acts=Acts.IGNORED, instead=VMAC, loads=("use_ipvlan",)),
    *(Keyword(word, usage, nothing, acts=Acts.IGNORED, instead=why, loads=(f"{word} {example}".rstrip(),)) for word, usage,
      example, why in (
        ("debug", "<level>", "1", "start with -D for details"),
        ("linkbeat_use_polling", "", "", "the kernel reports the carrier by itself"),
        ("native_ipv6", "", "", "the addresses say whether it is IPv6"),
        ("kernel_rx_buf_size", "<octets>", "65536", "the kernel's default is kept"),
        ("old_unicast_checksum", "[never]", "", "keepalived before 1.3.6 is not understood"),
        ("lvs_sync_daemon_interface", "<interface>", "eth0", "write lvs_sync_daemon in global_defs"),
        ("vrf", "<interface>", "blue", "name an interface"),
    )),
)
TABLE = Table("vrrp_instance", ROWS,
              "vrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {{ 192.0.2.1 }}\n{}\n}}")
