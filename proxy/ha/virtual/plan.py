"""What a data plane is asked to do: services, each with the servers that are to have connections.

A server's `weight` is its share of new connections; at 0 it keeps those it has and gets no more. A server that is not in a
service any more loses its connections. Units: `_s` are seconds.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from proxy.ha.conf.services import ForwardingMethod, Protocol, Scheduler

IpAddress = IPv4Address | IPv6Address
NAT = ForwardingMethod()


@dataclass(frozen=True, slots=True)
class Match:
    """What belongs to a service: addresses from `first` to `last` with one port (0: any), or a firewall mark."""

    first: IpAddress | None = None
    last: IpAddress | None = None
    port: int = 0
    mark: int = 0

    def __str__(self) -> str:
        if self.first is None:
            return f"FWM {self.mark}"
        span = f"{self.first}" if self.last in (None, self.first) else f"{self.first}-{self.last}"
        return f"[{span}]:{self.port}" if self.first.version == 6 else f"{span}:{self.port}"


@dataclass(frozen=True, slots=True)
class Server:
    """A real server as a plane sees it. Port 0 is the port the client asked for; a threshold of 0 is none."""

    address: IpAddress
    port: int
    weight: int
    method: ForwardingMethod = NAT
    uthreshold: int = 0
    lthreshold: int = 0

    @property
    def key(self) -> str:
        """Its name within the service."""
        return f"{self.address}_{self.port}".replace(":", "-")

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Service:
    """One virtual server. `persistence_prefix` is how much of a client's address makes it the same client."""

    name: str
    family: int
    protocol: Protocol
    matches: tuple[Match, ...]
    scheduler: Scheduler
    servers: tuple[Server, ...] = ()
    flags: tuple[str, ...] = ()
    method: ForwardingMethod = NAT
    ops: bool = False
    persistence_timeout_s: int = 0
    persistence_prefix: int = 32
    persistence_engine: str = ""

    def available(self) -> list[Server]:
        """The servers that get new connections."""
        return [each for each in self.servers if each.weight > 0]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a connection that says nothing is remembered."""

    tcp_s: int = 900
    tcpfin_s: int = 120
    udp_s: int = 300


@dataclass(slots=True)
class Traffic:
    """What one server has had and has now; counters only grow. A plane that cannot tell a direction leaves it at 0."""

    active: int = 0
    inactive: int = 0
    connections: int = 0
    in_packets: int = 0
    in_octets: int = 0
    out_packets: int = 0
    out_octets: int = 0


@dataclass(slots=True)
class ServiceTraffic:
    """The traffic of a service's servers, by their keys."""

    servers: dict[str, Traffic] = field(default_factory=dict)


def marks(servers: tuple[Server, ...]) -> dict[str, int]:
    """A number other than 0 for each server's key that depends on nothing but its address and port.

    So it is the same after a crash, on the other machine, and when a server comes back. Two that fall together (once in four
    thousand million) are told apart by their order.
    """
    found: dict[str, int] = {}
    taken: set[int] = {0}
    for key in sorted(each.key for each in servers):
        number = zlib.crc32(key.encode())
        while number in taken:
            number = (number + 1) & 0xFFFFFFFF
        taken.add(number)
        found[key] = number
    return found
