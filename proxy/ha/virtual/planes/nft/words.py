"""What direct routing and NAT write alike."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from proxy.ha.conf.services import Protocol, Scheduler
from proxy.ha.virtual.plan import Match, Server, Service, marks
from proxy.ha.virtual.schedule import BUCKETS, HASHED

MAX_NAME = 120
# Any number, but the same on every machine: both directors must send a client to the same server.
HASH_SEED = 0x70726F78
_HASHED = f"mod {0xFFFFFFFF} seed {HASH_SEED:#x}"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")

SYN = "tcp flags & (fin | syn | rst | ack) == syn"


def plain(name: str) -> str:
    """A name as nft takes it, different for different names."""
    safe = _UNSAFE.sub("-", name)
    if safe == name and len(name) <= MAX_NAME:
        return name
    octets = name.encode("utf-8", "surrogateescape")
    return f"{safe[:MAX_NAME]}_{zlib.crc32(octets):08x}"


def service_name(service: Service) -> str:
    """The service's name, first part of all that belongs to it. A letter comes first, as nft wants it."""
    match = service.matches[0]
    if service.name.startswith("["):
        kind = service.name.partition("]")[0][1:]
        if service.family == 6 and ":" not in kind:
            kind += "_ip6"                          # a group, whose maps are made otherwise when its addresses become IPv6's
        return plain(f"{service.protocol.value.lower()}_{kind.replace(':', '-')}_{service.name.rpartition(':')[2]}")
    return plain(f"{service.protocol.value.lower()}_fwm_{match.mark}")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one service: `ip` is ip or ip6, `l4` tcp or udp."""

    service: Service
    name: str
    ip: str
    l4: str
    marks: dict[str, int]

    @classmethod
    def of(cls, service: Service) -> Words:
        """The words for a service."""
        return cls(service, service_name(service), "ip" if service.family == 4 else "ip6",
                   "tcp" if service.protocol is Protocol.TCP else "udp", marks(service.servers))

    @property
    def flow(self) -> str:
        """What makes a flow: both addresses and both ports, in a form that an ICMP error's copy of an answer can be given too.

        nft 1.0.6 aborts on keys of maps that are longer than 16 octets, and does not take octets inside of ICMP for addresses and
        ports. So the service's address and port are hashed, and the client's are octets: all of them for IPv4; for IPv6 the lower
        half of the address, the rest is in the hash.
        """
        if self.ip == "ip":
            return f"jhash ip daddr . {self.l4} dport {_HASHED} . @nh,96,32 . @th,0,8 . @th,8,8"
        return f"jhash ip6 daddr . {self.l4} dport . @nh,64,64 . {self.l4} sport {_HASHED} . @nh,128,64"

    @property
    def flow_type(self) -> str:
        """The key's type for nft, which cannot list a map whose type is a hash: octets of the same lengths stand for it."""
        return "@nh,128,32 . @nh,96,32 . @th,0,8 . @th,8,8" if self.ip == "ip" else "@nh,64,32 . @nh,128,64"

    @property
    def flow_in_icmp(self) -> str:
        """The flow that an ICMP error is about: the answer's header begins after ICMP's eight octets."""
        if self.ip == "ip":
            return f"jhash @th,160,32 . @th,224,16 {_HASHED} . @th,192,32 . @th,240,8 . @th,248,8"
        return f"jhash @th,128,128 . @th,384,16 . @th,256,64 . @th,400,16 {_HASHED} . @th,320,64"

    def match_in_icmp(self, match: Match) -> str:
        """Whether an ICMP error, to one of the service's addresses, may be about an answer of it."""
        span = f"{match.first}" if match.last in (None, match.first) else f"{match.first}-{match.last}"
        number, at_port = (6 if self.l4 == "tcp" else 17), 224 if self.ip == "ip" else 384
        port = f" @th,{at_port},16 {match.port}" if match.port else ""
        if self.ip == "ip":
            return f"ip daddr {span} icmp type {{ destination-unreachable, time-exceeded }} @th,136,8 {number}{port}"
        errors = "destination-unreachable, packet-too-big, time-exceeded"
        return f"ip6 daddr {span} icmpv6 type {{ {errors} }} @th,112,8 {number}{port}"

    @property
    def nobody(self) -> str:
        """What a client hears that nobody serves."""
        if self.l4 == "tcp":
            return "reject with tcp reset"
        return f"reject with {'icmp' if self.ip == 'ip' else 'icmpv6'} type port-unreachable"

    @property
    def client(self) -> str:
        """What makes a client, for persistence."""
        prefix = self.service.persistence_prefix
        if prefix >= (32 if self.ip == "ip" else 128):
            return f"{self.ip} saddr"
        network = IPv4Network(f"0.0.0.0/{prefix}") if self.ip == "ip" else IPv6Network(f"::/{prefix}")
        return f"{self.ip} saddr & {network.netmask}"

    @property
    def forget_client(self) -> str:
        """What must come before a client is remembered anew: an update alone keeps the server that was there."""
        return f"delete @{self.name}.clients {{ {self.client} : meta mark }}"

    def match(self, match: Match) -> str:
        """Whether a packet is for the service."""
        if match.first is None:
            return f"meta mark {match.mark} meta l4proto {self.l4}"
        span = f"{match.first}" if match.last in (None, match.first) else f"{match.first}-{match.last}"
        port = f"{self.l4} dport {match.port}" if match.port else f"meta l4proto {self.l4}"
        return f"{self.ip} daddr {span} {port}"

    def server_chain(self, server: Server) -> str:
        """The chain that sends packets to a server."""
        return f"{self.name}.{plain(server.key)}"

    def counter(self, server: Server, what: str) -> str:
        """A server's counter: new, end, in or out."""
        return f"{self.server_chain(server)}.{what}"

    @property
    def servers_vmap(self) -> str:
        """From marks to servers."""
        return ", ".join(f"{self.marks[each.key]:#010x} : goto {self.server_chain(each)}" for each in self.service.servers)

    def counters_map(self, what: str) -> str:
        """From marks to servers' counters."""
        inside = ", ".join(f'{self.marks[each.key]:#010x} : "{self.counter(each, what)}"' for each in self.service.servers)
        return f"counter name meta mark map {{ {inside} }}"

    def choice(self, turns: tuple[str, ...]) -> str:
        """The mark of the server for a new flow; `turns` are turns or buckets, not empty."""
        if len(set(turns)) == 1:
            return f"meta mark set {self.marks[turns[0]]:#010x}"
        inside = ", ".join(f"{index} : {self.marks[key]:#010x}" for index, key in enumerate(turns))
        return f"meta mark set {self.number(len(turns))} map {{ {inside} }}"

    def number(self, count: int) -> str:
        """The number of the turn or the bucket."""
        if self.service.scheduler not in HASHED:
            return f"numgen inc mod {count}"
        flags = self.service.flags
        if self.service.scheduler is Scheduler.DH:
            hashed = f"{self.ip} daddr"
        elif "sh-port" in flags or "mh-port" in flags:
            hashed = f"{self.ip} saddr . {self.l4} sport"
        else:
            hashed = f"{self.ip} saddr"
        return f"jhash {hashed} mod {BUCKETS} seed {HASH_SEED:#x}"

    def available_marks(self) -> str:
        """The marks of the servers that get new connections."""
        return ", ".join(f"{self.marks[each.key]:#010x}" for each in self.service.available())
