"""Drafts into the model: what a block leaves out comes from the block around it, from `global_defs`, or from its dataclass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

from proxy.config.diagnostics import Diagnostics
from proxy.ha.conf.keywords.notify import notify_of
from proxy.ha.conf.keywords.row import Draft
from proxy.ha.conf.model import (
    Configuration,
    GarpGroup,
    Global,
    Instance,
    SyncGroup,
    TrackFile,
    Tracking,
    TrackProcess,
    VrrpScript,
)
from proxy.ha.conf.routing import Rule
from proxy.ha.conf.script_command import ScriptCommand
from proxy.ha.conf.services import (
    Check,
    CheckBasics,
    CheckUrl,
    DnsCheck,
    FileCheck,
    ForwardingMethod,
    HttpCheck,
    MiscCheck,
    PingCheck,
    Protocol,
    RealServer,
    SmtpCheck,
    SmtpHost,
    SorryServer,
    TcpCheck,
    TlsFiles,
    UdpCheck,
    VirtualServer,
    VirtualServerGroup,
)

T = TypeVar("T")

_TRACKS = {
    "interfaces": "track_interfaces", "scripts": "track_scripts", "files": "track_files", "processes": "track_processes",
    "proxies": "track_proxies",
}
INHERITED = {
    "version": "vrrp_version", "strict": "vrrp_strict", "skip_check_adv_addr": "vrrp_skip_check_adv_addr",
    "check_unicast_src": "vrrp_check_unicast_src", "down_timer_adverts": "vrrp_down_timer_adverts",
    "garp_master_delay_s": "vrrp_garp_master_delay_s", "garp_master_repeat": "vrrp_garp_master_repeat",
    "garp_master_refresh_s": "vrrp_garp_master_refresh_s", "garp_master_refresh_repeat": "vrrp_garp_master_refresh_repeat",
    "garp_lower_prio_delay_s": "vrrp_garp_lower_prio_delay_s", "garp_lower_prio_repeat": "vrrp_garp_lower_prio_repeat",
    "garp_extra_if_s": "vrrp_garp_extra_if_s", "garp_extra_if_all": "vrrp_garp_extra_if_all",
    "lower_prio_no_advert": "vrrp_lower_prio_no_advert", "higher_prio_send_advert": "vrrp_higher_prio_send_advert",
}
"""Fields of an instance that `global_defs` has a default for, and its name there."""
_BASICS = tuple(each.name for each in fields(CheckBasics))
# What a checker leaves out comes from the real server, then from the virtual server.
_SHARED_BASICS = ("connect_timeout_s", "delay_loop_s", "retry", "delay_before_retry_s", "warmup_s", "alpha")
FIRST_PREFERENCE = 16384
_RETRY = {"DNS_CHECK": 3, "MISC_CHECK": 0}


def freeze(draft: Draft, diagnostics: Diagnostics) -> Configuration:
    """The whole configuration; blocks that cannot be built are left out, after a warning."""
    values = draft.values
    _number_rules(draft, diagnostics)
    global_ = _global(values.get("global"))
    return Configuration(
        global_=global_,
        scripts=tuple(_script(each) for each in values.get("scripts", ())),
        track_processes=tuple(_plain(TrackProcess, each, each.name) for each in values.get("track_processes", ())),
        track_files=tuple(_plain(TrackFile, each, each.name) for each in values.get("track_files", ())),
        sync_groups=tuple(_sync_group(each) for each in values.get("sync_groups", ())),
        garp_groups=tuple(_plain(GarpGroup, each) for each in values.get("garp_groups", ())),
        interface_delays=tuple(values.get("interface_delays", ())),
        instances=tuple(_instance(each, global_, diagnostics) for each in values.get("instances", ())),
        static_addresses=tuple(values.get("static_addresses", ())),
        static_routes=tuple(values.get("static_routes", ())),
        static_rules=tuple(values.get("static_rules", ())),
        virtual_server_groups=tuple(_plain(VirtualServerGroup, each, each.name)
                                    for each in values.get("virtual_server_groups", ())),
        virtual_servers=tuple(_virtual_server(each, global_, diagnostics) for each in values.get("virtual_servers", ())),
        tls=_plain(TlsFiles, values["tls"][-1]) if values.get("tls") else TlsFiles(),
    )


def _number_rules(draft: Draft, diagnostics: Diagnostics) -> None:
    """Give a preference to every rule that has none, so that their order does not depend on who becomes master when."""
    preference = FIRST_PREFERENCE
    for values, name in [(draft.values, "static_rules"),
                         *((each.values, "virtual_rules") for each in draft.values.get("instances", ()))]:
        rules: list[Rule] = values.get(name, [])
        for index, rule in enumerate(rules):
            if rule.priority is None:
                rules[index] = replace(rule, priority=preference)
                diagnostics.warning(rule.where, f"Rule has no preference specified - setting to {preference}. This is probably "
                                                f"not what you want.",
                                    f"write: preference {preference}")
                preference -= 1


def _plain(kind: Callable[..., T], draft: Draft, name: str | None = None, **more: Any) -> T:
    """A dataclass of a draft's fields as they are; lists become tuples."""
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in draft.values.items()}
    if name is not None:
        values["name"] = name
    return kind(**{**values, **more}, where=draft.where)


def _global(draft: Draft | None) -> Global:
    if draft is None:
        return Global()
    found = _plain(Global, draft)
    if found.vrrp_min_garp:
        found = replace(found, vrrp_garp_master_repeat=1, vrrp_garp_master_delay_s=0.0)
    return found


def _script(draft: Draft) -> VrrpScript:
    user, group = draft.values.pop("user", ""), draft.values.pop("group", "")
    return _plain(VrrpScript, draft, draft.name, script=_as_user(draft.values.get("script"), user, group))


def _as_user(script: ScriptCommand | None, user: str, group: str) -> ScriptCommand | None:
    return replace(script, user=user, group=group) if script is not None and user else script


def _tracking(draft: Draft) -> Tracking:
    return Tracking(**{name: tuple(draft.values.pop(field, ())) for name, field in _TRACKS.items()})


def _sync_group(draft: Draft) -> SyncGroup:
    notify, tracking = notify_of(draft), _tracking(draft)
    _drop_notify(draft)
    return _plain(SyncGroup, draft, draft.name, tracking=tracking, notify=notify)


def _drop_notify(draft: Draft) -> None:
    for name in [name for name in draft.values if name.startswith("notify_")]:
        del draft.values[name]


def _instance(draft: Draft, global_: Global, diagnostics: Diagnostics) -> Instance:
    values = draft.values
    for name, source in INHERITED.items():
        if name not in values and (value := getattr(global_, source)) is not None:
            values[name] = value
    values.setdefault("garp_lower_prio_delay_s", values["garp_master_delay_s"])
    values.setdefault("garp_lower_prio_repeat", values["garp_master_repeat"])
    values.pop("unicast_source", None)
    notify, tracking = notify_of(draft), _tracking(draft)
    _drop_notify(draft)
    if values.get("auth_pass") and values.get("auth_type", "NONE") == "NONE":
        values.pop("auth_pass")
        diagnostics.warning(draft.set_at.get("authentication"), f"({draft.name}) auth_pass without auth_type is ignored",
                            "write: auth_type PASS")
    elif values.get("auth_type") == "PASS" and not values.get("auth_pass"):
        values["auth_type"] = "NONE"
        diagnostics.warning(draft.set_at.get("authentication"), f"({draft.name}) auth_type PASS without auth_pass is ignored",
                            "write: auth_pass SECRET")
    if any(peer.min_ttl > 0 or peer.max_ttl < 255 for peer in values.get("unicast_peers", ())):
        values["check_unicast_src"] = True
    instance: Instance = _plain(Instance, draft, draft.name, tracking=tracking, notify=notify)
    if instance.ipv6 and instance.version == 2:
        if "version" in draft.set_at:
            diagnostics.warning(draft.set_at["version"], f"({draft.name}) IPv6 needs VRRP version 3, which is used",
                                "write: version 3")
        instance = replace(instance, version=3)
    return instance


def _virtual_server(draft: Draft, global_: Global, diagnostics: Diagnostics) -> VirtualServer:
    values = draft.values
    shared = {name: values.pop(name) for name in _SHARED_BASICS if name in values}
    for name in ("delay_loop_s", "alpha"):
        if name in shared:
            values[name] = shared[name]
    method = values.get("method", ForwardingMethod())
    inhibit = values.pop("inhibit_on_failure", False)
    alert = values.get("smtp_alert")
    if alert is None:
        alert = global_.smtp_alert_checker if global_.smtp_alert_checker is not None else bool(global_.smtp_alert)
    values["smtp_alert"] = alert
    around = {"shared": shared, "method": method, "inhibit": inhibit, "alert": alert,
              "virtualhost": values.get("virtualhost", ""),
              "log_all": global_.checker_log_all_failures}
    real_servers = tuple(_real_server(each, around) for each in values.pop("real_servers", ()))
    values["sorry_server"] = _sorry(values, method)
    if "protocol" not in values and values.get("fwmark") is not None:
        values["protocol"] = Protocol.TCP
        diagnostics.warning(draft.where, "virtual_server: no protocol set - where the kernel has no IPVS, TCP alone is carried",
                            "write: protocol TCP", feature="protocol of a firewall mark")
    elif "protocol" not in values:
        values["protocol"] = Protocol.UDP
        diagnostics.warning(draft.where, "virtual_server: no protocol set - defaulting to UDP", "write: protocol TCP")
    if not {"lb_algo", "lvs_sched"} & draft.set_at.keys():
        diagnostics.warning(draft.where, "virtual_server: no scheduler set, setting default 'wlc'", "write: lb_algo wlc")
    if not {"lb_kind", "lvs_method"} & draft.set_at.keys():
        diagnostics.warning(draft.where, "virtual_server: no forwarding method set, setting default NAT", "write: lb_kind NAT")
    if values.get("fwmark") is not None:
        real_servers = tuple(_without_port(each, draft.values["fwmark"], diagnostics) for each in real_servers)
    return _plain(VirtualServer, draft, real_servers=real_servers)


def _without_port(server: RealServer, mark: int, diagnostics: Diagnostics) -> RealServer:
    """A real server behind a firewall mark: asked at the port that the client asked for; its checkers keep the one written."""
    if not server.port:
        return server
    diagnostics.warning(server.where, f"WARNING - fwmark virtual server FWM {mark}, real server [{server.address}]:{server.port} "
                                      f"has port specified - clearing",
                        f"write: real_server {server.address} 0, and connect_port {server.port} in its checkers",
                        feature="port behind a firewall mark")
    checks = tuple(each if isinstance(each, FileCheck) else
                   replace(each, basics=replace(each.basics, connect_port=each.basics.connect_port or server.port))
                   for each in server.checks)
    return replace(server, port=0, checks=checks)


def _sorry(values: dict[str, Any], method: ForwardingMethod) -> SorryServer | None:
    own = values.pop("sorry_server_method", method)
    inhibit = values.pop("sorry_server_inhibit", False)
    if "sorry_server" not in values:
        return None
    address, port, where = values["sorry_server"]
    return SorryServer(address, port, own, inhibit, where)


def _real_server(draft: Draft, around: dict[str, Any]) -> RealServer:
    values = draft.values
    shared = {**around["shared"], **{name: values.pop(name) for name in _SHARED_BASICS if name in values}}
    values.setdefault("method", around["method"])
    values.setdefault("inhibit_on_failure", around["inhibit"])
    values.setdefault("smtp_alert", around["alert"])
    values.setdefault("virtualhost", around["virtualhost"])
    checks = tuple(_check(each, shared, values["virtualhost"], around["log_all"]) for each in values.pop("checks", ()))
    return _plain(RealServer, draft, checks=checks)


def _basics(draft: Draft, shared: dict[str, Any], log_all: bool) -> CheckBasics:
    """A checker's timing, taken out of its draft."""
    own = {name: draft.values.pop(name) for name in _BASICS if name in draft.values}
    found = {"log_all_failures": log_all, **shared, **own}
    found.setdefault("delay_loop_s", 60.0)
    found.setdefault("warmup_s", found["delay_loop_s"])
    found.setdefault("retry", _RETRY.get(draft.name, 1))
    usual = 3.0 if draft.name in ("HTTP_GET", "SSL_GET") else 1.0
    found.setdefault("delay_before_retry_s", found["delay_loop_s"] if draft.name == "DNS_CHECK" else usual)
    return CheckBasics(**found)


def _check(draft: Draft, shared: dict[str, Any], virtualhost: str, log_all: bool) -> Check:
    values = draft.values
    if draft.name == "FILE_CHECK":
        return _plain(FileCheck, draft)
    basics = _basics(draft, shared, log_all)
    match draft.name:
        case "HTTP_GET" | "SSL_GET":
            values.setdefault("virtualhost", virtualhost)
            urls = tuple(_plain(CheckUrl, each, **_own_host(each, values["virtualhost"])) for each in values.pop("urls", ()))
            values["http_protocol"] = values.get("http_protocol", "1.0").upper()
            return _plain(HttpCheck, draft, basics=basics, tls=draft.name == "SSL_GET", urls=urls)
        case "SMTP_CHECK":
            hosts = tuple(_host(each) for each in values.pop("hosts", ()))
            return _plain(SmtpCheck, draft, basics=basics, hosts=hosts)
        case "DNS_CHECK":
            return _plain(DnsCheck, draft, basics=basics)
        case "UDP_CHECK":
            return _plain(UdpCheck, draft, basics=basics)
        case "PING_CHECK":
            return _plain(PingCheck, draft, basics=basics)
        case "MISC_CHECK":
            user, group = values.pop("user", ""), values.pop("group", "")
            return _plain(MiscCheck, draft, basics=basics, script=_as_user(values.get("script"), user, group))
    return _plain(TcpCheck, draft, basics=basics)


def _own_host(url: Draft, virtualhost: str) -> dict[str, Any]:
    return {} if "virtualhost" in url.values else {"virtualhost": virtualhost}


def _host(draft: Draft) -> SmtpHost:
    draft.values.pop("bind_interface", None)
    return SmtpHost(**draft.values)
