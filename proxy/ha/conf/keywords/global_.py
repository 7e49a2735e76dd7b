"""`global_defs`."""

from __future__ import annotations

import re

from proxy.ha.conf.keywords.row import Acts, Draft, Keyword, Line, Read, Refusal, Table, nothing
from proxy.ha.conf.keywords.values import (
    address4,
    address6,
    address_of,
    boolean,
    choice,
    command,
    fifo,
    integer,
    integer_of,
    interface_name,
    port_of,
    seconds,
    sets,
    text,
    true,
    words_of_block,
)
from proxy.ha.conf.model import LvsTimeouts, SyncDaemon

_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,253}", re.ASCII)
_TABLE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)
_UMASK_BITS = {
    f"I{right}{who}": bit << shift
    for who, shift in (("USR", 6), ("GRP", 3), ("OTH", 0)) for right, bit in (("R", 4), ("W", 2), ("X", 1))
}


def _emails(line: Line, draft: Draft) -> None:
    draft.values.setdefault("notification_email", []).extend(word.text for word in words_of_block(line))


def _smtp_server(line: Line, draft: Draft) -> None:
    if not _HOST.fullmatch(line.text(0)):
        raise Refusal(f"Invalid smtp server '{line.text(0)}'", line.at(0),
                      "write an address or a host name, then a port if it is not 25")
    port = port_of(line.arguments[1]) if len(line.arguments) > 1 else 25
    draft.values["smtp_server"], draft.values["smtp_port"] = line.text(0), port


def _script_user(line: Line, draft: Draft) -> None:
    draft.values["script_user"], draft.values["script_group"] = line.text(0), line.text(1)


def _nftables(line: Line, draft: Draft) -> None:
    name = line.text(0, "keepalived")
    if not _TABLE.fullmatch(name):
        raise Refusal(f"'{name}' is no name of a table", line.at(0), "write a letter, then letters, digits, '_', '-' or '.'")
    draft.values["nftables_table"] = name


def _dynamic_interfaces(line: Line, draft: Draft) -> None:
    if line.arguments and line.text(0) != "allow_if_changes":
        raise Refusal(f"'dynamic_interfaces': unknown value '{line.text(0)}'", line.at(0),
                      "write: dynamic_interfaces [allow_if_changes]")
    draft.values["dynamic_interfaces"] = True


def _garp_extra_if(line: Line, draft: Draft) -> None:
    read_garp_extra_if("vrrp_garp_extra_if", line, draft)


def read_garp_extra_if(name: str, line: Line, draft: Draft) -> None:
    """`[all] SECONDS`."""
    index = 1 if line.text(0) == "all" else 0
    if index >= len(line.arguments):
        raise Refusal(f"'{line.keyword}' needs [all] and a number of seconds", line.at(0), f"write: {line.keyword} all 100")
    draft.values[f"{name}_s"] = integer_of(line.arguments[index], 0, 86400)
    draft.values[f"{name}_all"] = index == 1
    line.surplus(index + 1)


def _timeouts(line: Line, draft: Draft) -> None:
    found: dict[str, int] = {}
    for index in range(0, len(line.arguments), 2):
        word = line.text(index)
        if word not in ("tcp", "tcpfin", "udp"):
            raise Refusal(f"'lvs_timeouts': unknown word '{word}'", line.at(index),
                          "write: lvs_timeouts tcp 900 tcpfin 120 udp 300")
        if index + 1 >= len(line.arguments):
            raise Refusal(f"'lvs_timeouts': '{word}' needs a number of seconds", line.at(index), f"write: {word} 300")
        found[f"{word}_s"] = integer_of(line.arguments[index + 1], 1, 2**31 - 1)
    draft.values["lvs_timeouts"] = LvsTimeouts(**found)


def _sync_daemon(line: Line, draft: Draft) -> None:
    found: dict[str, object] = {"interface": interface_name(line, 0)}
    numbers = {"id": ("syncid", 0, 255), "maxlen": ("maxlen", 1, 65507), "port": ("port", 1, 65535), "ttl": ("ttl", 1, 255)}
    index = 1
    while index < len(line.arguments):
        word = line.text(index)
        value = line.arguments[index + 1] if index + 1 < len(line.arguments) else None
        if word in (*numbers, "inst", "group") and value is None:
            raise Refusal(f"'lvs_sync_daemon': '{word}' needs a value", line.at(index),
                          "write: lvs_sync_daemon eth0 inst VI_1 id 51")
        if word in numbers and value is not None:
            name, low, high = numbers[word]
            found[name] = integer_of(value, low, high)
        elif word == "group" and value is not None:
            found["group"] = str(address_of(value))
        elif word == "inst" and value is not None:
            found["instance"] = value.text
        else:
            found["instance"] = word
            index -= 1
        index += 2
    draft.values["lvs_sync_daemon"] = SyncDaemon(where=line.where, **found)  # type: ignore[arg-type]


def _flush_on_stop(line: Line, draft: Draft) -> None:
    draft.values["lvs_flush_on_stop"] = choice("VS")(line, 0) if line.arguments else "all"


def _affinity(name: str) -> Read:
    def read(line: Line, draft: Draft) -> None:
        draft.values[name] = tuple(integer_of(word, 0, 4095) for word in line.arguments)

    return read


def _umask(line: Line, draft: Draft) -> None:
    value = line.text(0)
    parts = [part.strip() for part in "".join(line.texts()).split("|")]
    if all(part in _UMASK_BITS for part in parts):
        draft.values["umask"] = sum(_UMASK_BITS[part] for part in set(parts))
    elif re.fullmatch(r"0[0-7]{1,4}", value):
        draft.values["umask"] = int(value, 8)
    else:
        draft.values["umask"] = integer_of(line.arguments[0], 0, 0o777)


def _metrics(line: Line, draft: Draft) -> None:
    address = str(address_of(line.arguments[0])) if len(line.arguments) > 1 else "127.0.0.1"
    draft.values["metrics_address"] = address
    draft.values["metrics_port"] = port_of(line.arguments[-1])


def _garp_interval(name: str) -> Read:
    """A literal 0 is refused by keepalived, though it is the default: the tutorial's file has it."""

    def read(line: Line, draft: Draft) -> None:
        if line.text(0).strip("0.") == "":
            raise Refusal(f"number '{line.text(0)}' outside range [0.000001, 4294]", line.at(0),
                          "leave the line out: 0 is the default")
        draft.values[name] = seconds(0.000001, 4294)(line, 0)

    return read


def _switch(word: str, *loads: str, field: str = "") -> Keyword:
    return Keyword(word, "[<BOOL>]", sets(field or word, boolean), "off", most=1, loads=(word, f"{word} off"),
                   fails=(f"{word} perhaps",))


def _flag(word: str) -> Keyword:
    return Keyword(word, "", sets(word, true), "off", most=0, loads=(word,), fails=(f"{word} 1",))


def _number(word: str, low: int, high: int, default: str = "", field: str = "") -> Keyword:
    return Keyword(word, f"<{low}..{high}>", sets(field or word, integer(low, high)), default, 1, 1,
                   loads=(f"{word} {low}", f"{word} {high}"),
                   fails=(word, f"{word} {high + 1}", f"{word} x", f"{word} {low} {low}"))


def _time(word: str, default: str, low: float = 0.0, high: float = 4294.0, field: str = "") -> Keyword:
    return Keyword(word, "<TIMER>", sets(field or f"{word}_s", seconds(low, high)), default, 1, 1,
                   loads=(f"{word} 10", f"{word} 1.5"),
                   fails=(word, f"{word} soon", f"{word} -1", f"{word} 5;", f"{word} 5 6"))


def _ignored(word: str, usage: str, *loads: str, because: str = "") -> Keyword:
    return Keyword(word, usage, nothing, acts=Acts.IGNORED, instead=because, loads=loads or (f"{word} x" if usage else word,))


def _command(word: str) -> Keyword:
    return Keyword(word, '"<program> [<argument>...]" [<user> [<group>]]', sets(word, command), least=1,
                   loads=(f'{word} "/bin/true a \'b c\'" nobody nogroup', f"{word} /bin/true"),
                   fails=(word, f'{word} ""', f"{word} /bin/true a b c d", f"{word} \"/bin/true 'a\""))


def _fifo(word: str) -> Keyword:
    return Keyword(word, "<path> [<user> [<group>]]", sets(word, fifo), least=1, most=3, loads=(f"{word} /run/x.fifo nobody",),
                   fails=(word, f"{word} x.fifo", f"{word} /run/x a b c"))


SNMP = "there is no SNMP agent here: Prometheus metrics are served with 'metrics [<address>] <port>'"
GROUPS = "a virtual_server_group is one service here, it needs no firewall marks"
MEMORY = "it tunes what this program does not have"

ROWS: tuple[Keyword, ...] = (
    Keyword("notification_email", "{ <address>... }", _emails, block=True,
            loads=("notification_email { a@example.com b@example.com }",), fails=("notification_email a@example.com",)),
    Keyword("notification_email_from", "<address>", sets("notification_email_from", text), "keepalived@<host name>", 1, 1,
            loads=("notification_email_from ka@localhost",), fails=("notification_email_from", "notification_email_from a b")),
    Keyword("smtp_server", "<address or name> [<port>]", _smtp_server, least=1, most=2,
            loads=("smtp_server 127.0.0.1", "smtp_server mail.example.com 587", "smtp_server ::1"),
            fails=("smtp_server", "smtp_server 127.0.0.1 //x", "smtp_server a/b", "smtp_server 127.0.0.1 0")),
    Keyword("smtp_helo_name", "<name>", sets("smtp_helo_name", text), "host name", 1, 1, loads=("smtp_helo_name ha1",),
            fails=("smtp_helo_name",)),
    _time("smtp_connect_timeout", "30"),
    *(_switch(word) for word in ("smtp_alert", "smtp_alert_vrrp", "smtp_alert_checker", "checker_log_all_failures")),
    _flag("no_email_faults"), _flag("rs_init_notifies"),
    Keyword("router_id", "<name>", sets("router_id", text), "host name", 1, 1, loads=("router_id LVS_DEVEL", 'router_id "a b"'),
            fails=("router_id", "router_id a b")),
    Keyword("script_user", "<user> [<group>]", _script_user, "keepalived_script, else root", 1, 2,
            loads=("script_user root", "script_user nobody nogroup"), fails=("script_user", "script_user a b c")),
    _flag("enable_script_security"),
    _command("startup_script"), _time("startup_script_timeout", "10", 1, 1000),
    _command("shutdown_script"), _time("shutdown_script_timeout", "10", 1, 1000),
    _fifo("notify_fifo"), _command("notify_fifo_script"), _fifo("vrrp_notify_fifo"), _command("vrrp_notify_fifo_script"),
    _fifo("lvs_notify_fifo"), _command("lvs_notify_fifo_script"), _flag("fifo_write_vrrp_states_on_reload"),
    Keyword("vrrp_version", "2|3", sets("vrrp_version", integer(2, 3)), "2", 1, 1, loads=("vrrp_version 3",),
            fails=("vrrp_version", "vrrp_version 4", "vrrp_version v3", "vrrp_version 3 3")),
    _flag("vrrp_strict"), _flag("vrrp_skip_check_adv_addr"), _flag("vrrp_check_unicast_src"),
    Keyword("vrrp_mcast_group4", "<address>", sets("vrrp_mcast_group4", address4), "224.0.0.18", 1, 1,
            loads=("vrrp_mcast_group4 224.0.0.19",),
            fails=("vrrp_mcast_group4 ff02::12", "vrrp_mcast_group4")),
    Keyword("vrrp_mcast_group6", "<address>", sets("vrrp_mcast_group6", address6), "ff02::12", 1, 1,
            loads=("vrrp_mcast_group6 ff02::13",),
            fails=("vrrp_mcast_group6 224.0.0.18", "vrrp_mcast_group6")),
    _time("vrrp_garp_master_delay", "5"), _number("vrrp_garp_master_repeat", 1, 65535, "5"),
    _time("vrrp_garp_master_refresh", "0, none"), _number("vrrp_garp_master_refresh_repeat", 1, 65535, "1"),
    _time("vrrp_garp_lower_prio_delay", "vrrp_garp_master_delay"),
    _number("vrrp_garp_lower_prio_repeat", 0, 65535, "vrrp_garp_master_repeat"),
    *(Keyword(word, "<TIMER>", _garp_interval(f"{word}_s"), "0", 1, 1, loads=(f"{word} 0.001",),
              fails=(f"{word} 0", word, f"{word} x")) for word in ("vrrp_garp_interval", "vrrp_gna_interval")),
    _switch("vrrp_min_garp"),
    Keyword("vrrp_garp_extra_if", "[all] <seconds>", _garp_extra_if, "0, none", 1,
            loads=("vrrp_garp_extra_if all 100", "vrrp_garp_extra_if 100"),
            fails=("vrrp_garp_extra_if", "vrrp_garp_extra_if all", "vrrp_garp_extra_if 86401")),
    _switch("vrrp_lower_prio_no_advert"), _switch("vrrp_higher_prio_send_advert"),
    _number("vrrp_down_timer_adverts", 1, 100, "3"),
    _time("vrrp_startup_delay", "0"), _switch("vrrp_notify_priority_changes"), _flag("log_unknown_vrids"),
    Keyword("default_interface", "<interface>", sets("default_interface", interface_name), "eth0", 1, 1,
            loads=("default_interface eth1",),
            fails=("default_interface", "default_interface a-name-that-is-too-long")),
    Keyword("dynamic_interfaces", "[allow_if_changes]", _dynamic_interfaces, most=1,
            loads=("dynamic_interfaces", "dynamic_interfaces allow_if_changes"), fails=("dynamic_interfaces all",)),
    _number("vrrp_priority", -20, 19), _number("checker_priority", -20, 19), _number("vrrp_rt_priority", 1, 99),
    _number("checker_rt_priority", 1, 99),
    _flag("vrrp_no_swap"), _flag("checker_no_swap"),
    *(Keyword(f"{who}_cpu_affinity", "<cpu>...", _affinity(f"{who}_cpu_affinity"), least=1, loads=(f"{who}_cpu_affinity 0 1",),
              fails=(f"{who}_cpu_affinity", f"{who}_cpu_affinity all")) for who in ("vrrp", "checker")),
    Keyword("umask", "<number or bits>", _umask, "IWGRP | IWOTH", 1, loads=("umask 022", "umask IWGRP | IWOTH"),
            fails=("umask", "umask rw")),
    Keyword("reload_check_config", "[<file>]", sets("reload_check_config", true), most=1, loads=("reload_check_config",),
            fails=("reload_check_config a b",)),
    Keyword("lvs_sync_daemon", "<interface> [inst <instance>] [id <0..255>] [maxlen <n>] [port <n>] [ttl <n>] [group <address>]",
            _sync_daemon,
            least=1,
            loads=("lvs_sync_daemon eth0 VI_1",
                   "lvs_sync_daemon eth0 inst VI_1 id 51 maxlen 1400 port 8849 ttl 2 group 224.0.0.82"),
            fails=("lvs_sync_daemon", "lvs_sync_daemon eth0 inst V id 256", "lvs_sync_daemon eth0 id")),
    Keyword("lvs_timeouts", "[tcp <s>] [tcpfin <s>] [udp <s>]", _timeouts, least=1, loads=("lvs_timeouts tcp 900 udp 30",),
            fails=("lvs_timeouts", "lvs_timeouts sctp 3", "lvs_timeouts tcp")),
    _flag("lvs_flush"),
    Keyword("lvs_flush_on_stop", "[VS]", _flush_on_stop, most=1, loads=("lvs_flush_on_stop", "lvs_flush_on_stop VS"),
            fails=("lvs_flush_on_stop RS",)),
    Keyword("nftables", "[<table>]", _nftables, "keepalived", most=1,
            loads=("nftables", "nftables ka"), fails=("nftables a b", 'nftables "a b"', "nftables 7")),
    _flag("nftables_counters"),
    _ignored("nftables_ipvs", "", "nftables_ipvs", "nftables_ipvs ka", because=GROUPS),
    _ignored("nftables_ipvs_start_fwmark", "<number>", because=GROUPS),
    _ignored("no_checker_emails", "", because="a mail is sent only when a real server is added or removed, with or without it"),
    Keyword("metrics", "[<address>] <port>", _metrics, "none are served", 1, 2, loads=("metrics 9650", "metrics ::1 9650"),
            fails=("metrics", "metrics x", "metrics 70000", "metrics host 9650")),
    *(_ignored(word, "", because=SNMP) for word in
      ("enable_snmp_vrrp", "enable_snmp_checker", "enable_snmp_rfc", "enable_snmp_rfcv2", "enable_snmp_rfcv3",
       "enable_snmp_keepalived", "enable_traps")),
    _ignored("snmp_socket", "<socket>", because=SNMP),
    _ignored("enable_dbus", "", because="there is no D-Bus interface here: ask the status socket (pyproxy-ha status)"),
    _ignored("dbus_service_name", "<name>", because="there is no D-Bus interface here"),
    *(_ignored(word, "<table>", word, f"{word} x", because="nftables is used where a packet filter is needed")
      for word in ("vrrp_iptables", "vrrp_ipsets")),
    *(_ignored(word, "", because=MEMORY)
      for word in ("nftables_ifindex", "disable_local_igmp", "process_names", "namespace_with_ipsets")),
    *(_ignored(word, "<value>", because=MEMORY) for word in (
        "tmp_config_directory", "config_save_dir", "process_name", "vrrp_process_name", "checker_process_name",
        "bfd_process_name",
        "nftables_priority", "nftables_ipvs_priority", "max_auto_priority", "min_auto_priority_delay", "bfd_priority",
        "bfd_rt_priority",
        "bfd_no_swap", "bfd_cpu_affinity", "bfd_rlimit_rttime", "vrrp_rlimit_rttime", "checker_rlimit_rttime",
        "vrrp_netlink_cmd_rcv_bufs", "vrrp_netlink_cmd_rcv_bufs_force", "vrrp_netlink_monitor_rcv_bufs",
        "vrrp_netlink_monitor_rcv_bufs_force", "lvs_netlink_cmd_rcv_bufs", "lvs_netlink_cmd_rcv_bufs_force",
        "lvs_netlink_monitor_rcv_bufs", "lvs_netlink_monitor_rcv_bufs_force", "process_monitor_rcv_bufs",
        "process_monitor_rcv_bufs_force", "vrrp_rx_bufs_policy", "vrrp_rx_bufs_multiplier", "vmac_prefix", "vmac_addr_prefix",
        "random_seed", "reload_time_file", "reload_repeat", "reload_file", "data_use_instance", "include_check")),
)
TABLE = Table("global_defs", ROWS, "global_defs {{\n{}\n}}")

# Statements that stand outside any block; they set fields of the same dataclass.
TOP_ROWS: tuple[Keyword, ...] = (
    Keyword("net_namespace", "<name>", sets("net_namespace", text), least=1, most=1, loads=("net_namespace blue",),
            fails=("net_namespace",)),
    Keyword("instance", "<name>", sets("instance", text), least=1, most=1, loads=("instance one",), fails=("instance",)),
    _flag("use_pid_dir"),
    _time("child_wait_time", "5"),
    _ignored("net_namespace_ipvs", "<name>", because="virtual servers are served in the namespace of the process"),
    _ignored("linkbeat_use_polling", "", because="the kernel reports the carrier by itself"),
)
