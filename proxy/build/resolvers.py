"""`resolvers` sections into plans, and which servers they are for."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from proxy.base.addresses import Family
from proxy.build.findings import Findings
from proxy.build.resolving import resolved
from proxy.config.model import ProxySection, ResolversSection
from proxy.runtime.backend import Backend
from proxy.runtime.resolver_plan import NamedServer, NameserverPlan, Outcome, ResolverPlan

RESOLV_CONF = Path("/etc/resolv.conf")
DNS_PORT = 53
NAMESERVERS_MOST = 32


def resolver_plans(sections: Iterable[ResolversSection], findings: Findings) -> dict[str, ResolverPlan]:
    """The sections by name; one without name servers is told of."""
    return {section.name: _plan(section, findings) for section in sections}


def named_servers(
    sections: Iterable[ProxySection], backends: Mapping[str, Backend], plans: Mapping[str, ResolverPlan]
) -> Iterator[NamedServer]:
    """The servers whose addresses follow their names."""
    for section in sections:
        if not section.is_backend:
            continue
        for line, server in zip(section.servers, backends[section.name].servers, strict=True):
            if line.resolvers and line.address.family is Family.NAME:
                prefers_ipv4 = (line.resolve_prefer or ("ipv4" if line.address.only is Family.IPV4 else "ipv6")) == "ipv4"
                yield NamedServer(server, plans[line.resolvers], prefers_ipv4, "allow-dup-ip" in line.resolve_opts)


def _plan(section: ResolversSection, findings: Findings) -> ResolverPlan:
    nameservers = []
    for each in section.nameservers:
        found = resolved(each.address)
        if isinstance(found, str):
            findings.fault(each.where, f"'nameserver {each.name}' : could not resolve address '{each.address.host}'.",
                           f"{found}: write its IP address")
        else:
            nameservers.append(NameserverPlan(each.name, *found))
    if section.parse_resolv_conf:
        known = {plan.name for plan in nameservers}
        nameservers += [plan for plan in _of_the_system(section, findings) if plan.name not in known]
    if not nameservers:
        findings.warning(f"config : resolvers '{section.name}' [{section.where}] has no nameservers configured!",
                         "write: nameserver <name> <address>:53")
    return ResolverPlan(
        section.name, tuple(nameservers[:NAMESERVERS_MOST]), section.accepted_payload_size, section.resolve_retries,
        section.timeout_resolve_ms, section.timeout_retry_ms,
        {
            Outcome.VALID: section.hold_valid_ms, Outcome.NX: section.hold_nx_ms, Outcome.OTHER: section.hold_other_ms,
            Outcome.REFUSED: section.hold_refused_ms, Outcome.TIMEOUT: section.hold_timeout_ms,
        },
        section.hold_obsolete_ms,
    )


def _of_the_system(section: ResolversSection, findings: Findings) -> Iterator[NameserverPlan]:
    """The name servers that the system asks, named after their addresses. Source: resolv.conf(5)."""
    try:
        text = RESOLV_CONF.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        findings.warning(f"config : resolvers '{section.name}' : cannot read {RESOLV_CONF}: {error.strerror}.",
                         "write 'nameserver' lines, or make the file readable")
        return
    for line in text.split("\n"):
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            address = ipaddress.ip_address(words[1])
        except ValueError:
            findings.warning(f"config : resolvers '{section.name}' : '{words[1]}' in {RESOLV_CONF} is no IP address.", "")
            continue
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        yield NameserverPlan(words[1], family, (words[1], DNS_PORT))
