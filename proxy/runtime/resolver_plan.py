"""What a `resolvers` section comes to, and which servers are to be kept up to date by it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from proxy.runtime.server import Server


class Outcome(Enum):
    """How the asking for a name ended."""

    VALID = "valid"
    NX = "nx"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class NameserverPlan:
    """One name server: the socket's family and what connect() takes."""

    name: str
    family: int
    sockaddr: Any


@dataclass(frozen=True, slots=True, eq=False)
class ResolverPlan:
    """How names are asked for; `hold_ms` says how long an outcome must last before a server loses its address.

    Source: HAProxy configuration manual, section 5.3.2.
    """

    name: str
    nameservers: tuple[NameserverPlan, ...]
    payload_octets: int
    tries: int
    timeout_resolve_ms: int
    timeout_retry_ms: int
    hold_ms: dict[Outcome, int]
    hold_obsolete_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class NamedServer:
    """A server whose address follows its name; `may_share` lets it have the address of another server of the name."""

    server: Server
    plan: ResolverPlan
    prefers_ipv4: bool
    may_share: bool
