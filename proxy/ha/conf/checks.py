"""What only the whole configuration shows: names that are not there, two of one kind, blocks without what they are for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from proxy.base.errors import Where
from proxy.config.diagnostics import Diagnostics
from proxy.config.suggest import did_you_mean
from proxy.ha.conf.model import Configuration, Instance, Tracked, Tracking
from proxy.ha.conf.services import HttpCheck, MiscCheck, VirtualServer


class Warn(Protocol):
    """Warn of one block. With a `feature` it is advice that keepalived does not give, and no error."""

    def __call__(self, message: str, hint: str, feature: str = "") -> None: ...



STRICT = "strict mode"
DEFAULT_TTL = 255
MAX_ADVERTISED = 255
MAX_ADVERT_INT_V3_S = 40.95


def check(configuration: Configuration, diagnostics: Diagnostics) -> None:
    """Warn of what cannot work as it is written."""
    _no_doubles(configuration, diagnostics)
    for script in configuration.scripts:
        if script.script is None:
            diagnostics.warning(script.where, f"vrrp_script {script.name} has no script", 'write: script "/path/to/program"')
    for process in configuration.track_processes:
        if not process.process:
            diagnostics.warning(process.where, f"vrrp_track_process {process.name} has no process", "write: process nginx")
    for file in configuration.track_files:
        if not file.file:
            diagnostics.warning(file.where, f"track_file {file.name} has no file", "write: file /run/weight")
    for garp in configuration.garp_groups:
        if not garp.interfaces:
            diagnostics.warning(garp.where, "garp_group without an interface", "write: interface eth0", feature="garp_group")
    for instance in configuration.instances:
        _instance(instance, configuration, diagnostics)
    _same_router(configuration, diagnostics)
    _groups(configuration, diagnostics)
    for server in configuration.virtual_servers:
        _virtual_server(server, configuration, diagnostics)


def _no_doubles(configuration: Configuration, diagnostics: Diagnostics) -> None:
    kinds: tuple[tuple[str, Iterable[tuple[str, Where]]], ...] = (
        ("vrrp_instance", ((each.name, each.where) for each in configuration.instances)),
        ("vrrp_script", ((each.name, each.where) for each in configuration.scripts)),
        ("vrrp_track_process", ((each.name, each.where) for each in configuration.track_processes)),
        ("track_file", ((each.name, each.where) for each in configuration.track_files)),
        ("vrrp_sync_group", ((each.name, each.where) for each in configuration.sync_groups)),
        ("virtual_server_group", ((each.name, each.where) for each in configuration.virtual_server_groups)),
    )
    for kind, pairs in kinds:
        seen: set[str] = set()
        for name, where in pairs:
            if name in seen:
                diagnostics.warning(where, f"{kind} '{name}' is there twice: the first one counts", "give it another name")
            seen.add(name)


def _instance(instance: Instance, configuration: Configuration, diagnostics: Diagnostics) -> None:
    def warn(message: str, hint: str, feature: str = "") -> None:
        diagnostics.warning(instance.where, f"({instance.name}) {message}", hint, "vrrp_instance", feature)

    if not instance.virtual_router_id:
        warn("the virtual router id must be set", "write: virtual_router_id 51")
    if not instance.interface and not instance.unicast_peers:
        warn("has no interface", "write: interface eth0")
    if not instance.virtual_addresses and not instance.virtual_addresses_excluded:
        warn("has no virtual addresses", "write: virtual_ipaddress { 192.0.2.1/24 }")
    if len({each.address.version for each in instance.virtual_addresses}) > 1:
        warn("address family must match VRRP instance: those of the other family are not advertised",
             "move them to virtual_ipaddress_excluded")
    if len(instance.virtual_addresses) > MAX_ADVERTISED:
        warn(f"more than {MAX_ADVERTISED} addresses cannot be advertised", "move the others to virtual_ipaddress_excluded")
    if instance.nopreempt and instance.state == "MASTER":
        warn("nopreempt does not work with initial state MASTER: nopreempt is cleared", "write: state BACKUP")
    if instance.preempt_delay_s and instance.state == "MASTER":
        warn("preempt_delay does not work with initial state MASTER: preempt_delay is cleared", "write: state BACKUP")
    if instance.preempt_delay_s and instance.nopreempt and instance.state != "MASTER":
        warn("preempt_delay has no effect with nopreempt", "keep one of them")
    _timing(instance, warn)
    if instance.auth_type == "PASS" and instance.version == 3:
        warn("VRRP version 3 has no authentication: the password is not sent",
             "take the authentication block out, or write: version 2")
    if instance.strict:
        _strict(instance, warn)
    if (instance.check_unicast_src or instance.unicast_ttl != DEFAULT_TTL) and not instance.unicast_peers and (
            not configuration.global_.vrrp_check_unicast_src):
        warn("a unicast keyword without unicast_peer: it speaks multicast", "write: unicast_peer { 192.0.2.2 }")
    if instance.unicast_fault_no_peer and not instance.unicast_peers:
        warn("unicast_fault_no_peer without unicast_peer: it stays in FAULT", "write: unicast_peer { 192.0.2.2 }")
    _tracking(f"({instance.name})", instance.tracking, configuration, diagnostics)


def _same_router(configuration: Configuration, diagnostics: Diagnostics) -> None:
    """Two instances that would answer to the same adverts."""
    seen: dict[tuple[object, ...], str] = {}
    for each in configuration.instances:
        peers = tuple(sorted(str(peer.address) for peer in each.unicast_peers))
        key = (each.interface, each.virtual_router_id, each.ipv6, each.mcast_dst_ip, peers)
        if key in seen and each.virtual_router_id and seen[key] != each.name:
            diagnostics.warning(each.where, f"VRID {each.virtual_router_id} is duplicated on interface {each.interface}: "
                                f"{seen[key]} and {each.name}", "give one of them another virtual_router_id, on every machine")
        seen.setdefault(key, each.name)


def _timing(instance: Instance, warn: Warn) -> None:
    if instance.version == 3 and instance.advert_int_s > MAX_ADVERT_INT_V3_S:
        warn(f"advert_int {instance.advert_int_s:g} is more than version 3 carries: {MAX_ADVERT_INT_V3_S} is used",
             f"write: advert_int {MAX_ADVERT_INT_V3_S}")
    if instance.version == 2 and instance.advert_int_s != int(instance.advert_int_s):
        warn(f"advert_int {instance.advert_int_s:g}: version 2 has whole seconds only; {max(1, int(instance.advert_int_s))} is "
             f"used", "write: version 3")


def _strict(instance: Instance, warn: Warn) -> None:
    warn("strict mode: the virtual addresses do not answer (no_accept), unless the priority is 255",
         "take vrrp_strict out, or write: accept", STRICT)
    if instance.auth_type != "NONE":
        warn("strict mode: the password is dropped", "take the authentication block out on every machine", STRICT)
    if instance.unicast_peers:
        warn("strict mode does not know unicast_peer", "take vrrp_strict out")


def _tracking(owner: str, tracking: Tracking, configuration: Configuration, diagnostics: Diagnostics) -> None:
    known: tuple[tuple[str, Sequence[Tracked], list[str]], ...] = (
        ("track script", tracking.scripts, [each.name for each in configuration.scripts]),
        ("track file", tracking.files, [each.name for each in configuration.track_files]),
        ("track process", tracking.processes, [each.name for each in configuration.track_processes]),
    )
    for kind, tracked, names in known:
        for each in tracked:
            if each.name not in names:
                diagnostics.warning(each.where, f"{owner} {kind} {each.name} not found, ignoring...",
                                    did_you_mean(each.name, names)
                                    or f"define it: vrrp_{kind.replace(' ', '_').removeprefix('track_')} {each.name} {{ … }}")


def _groups(configuration: Configuration, diagnostics: Diagnostics) -> None:
    names = [each.name for each in configuration.instances]
    owners = Counter(member for group in configuration.sync_groups for member in set(group.members))
    for group in configuration.sync_groups:
        if not group.members:
            diagnostics.warning(group.where, f"Sync group {group.name} has no members", "write: group { VI_1 VI_2 }")
        if len(set(group.members)) == 1:
            diagnostics.warning(group.where, f"Sync group {group.name} has only 1 virtual router - this probably isn't what you "
                                             f"want",
                                "name another, or take the group out")
        for member in group.members:
            if member not in names:
                diagnostics.warning(group.where,
                                    f"Virtual router {member} specified in sync group {group.name} doesn't exist - ignoring",
                                    did_you_mean(member, names) or "name a vrrp_instance")
            elif owners[member] > 1:
                diagnostics.warning(group.where, f"{member} is a member of more than one sync group: the first one counts",
                                    "name it once")
        _tracking(f"({group.name})", group.tracking, configuration, diagnostics)


def _virtual_server(server: VirtualServer, configuration: Configuration, diagnostics: Diagnostics) -> None:
    def warn(where: Where, message: str, hint: str = "") -> None:
        diagnostics.warning(where, f"Virtual server {server.name}: {message}", hint, "virtual_server")

    groups = [each.name for each in configuration.virtual_server_groups]
    if server.group and server.group not in groups:
        warn(server.where, f"virtual_server_group {server.group} doesn't exist",
             did_you_mean(server.group, groups) or "define it: virtual_server_group NAME { … }")
    if not server.real_servers:
        warn(server.where, "no real servers", "write: real_server 192.0.2.2 80 { … }")
    if server.address is not None and not server.port and not server.persistence_timeout_s:
        warn(server.where, "the port can only be left out with persistence_timeout", f"write: virtual_server {server.address} 80")
    prefix = {"sh-": "sh", "mh-": "mh"}
    for flag in server.scheduler_flags:
        if prefix.get(flag[:3], server.scheduler.value) != server.scheduler.value:
            warn(server.where, f"{flag} has a meaning with lb_algo {prefix[flag[:3]]} only", f"take {flag} out")
    if server.ops and server.protocol.value != "UDP":
        warn(server.where, "one packet scheduling (ops) needs UDP", "write: protocol UDP")
    weights = sum(each.weight for each in server.real_servers)
    if weights and server.quorum > weights:
        warn(server.where, f"quorum {server.quorum} can never be met: the weights are {weights} together", f"write: quorum "
                                                                                                           f"{weights}")
    if server.hysteresis >= server.quorum:
        warn(server.where,
             f"hysteresis {server.hysteresis} must be less than quorum {server.quorum}; {server.quorum - 1} is used",
             f"write: hysteresis {server.quorum - 1}")
    seen: set[tuple[object, int]] = set()
    files = [each.name for each in configuration.track_files]
    for real in server.real_servers:
        if (real.address, real.port) in seen:
            warn(real.where, f"real server {real.address}:{real.port} is there twice", "give it more weight instead")
        seen.add((real.address, real.port))
        if server.address is not None and real.address.version != server.address.version and real.method.kind.value != "TUN":
            warn(real.where, f"real server {real.address} is of the other address family", "only lb_kind TUN can do that")
        for each in real.checks:
            if isinstance(each, HttpCheck) and not each.urls:
                warn(each.where, "HTTP_GET without a url checks nothing", "write: url { path / }")
            if isinstance(each, MiscCheck) and each.script is None:
                warn(each.where, "MISC_CHECK without misc_path checks nothing", 'write: misc_path "/path/to/program"')
            if hasattr(each, "track_file") and each.track_file not in files:
                warn(each.where, f"track_file {each.track_file} doesn't exist",
                     did_you_mean(each.track_file, files) or "define it: track_file NAME { file /path }")
