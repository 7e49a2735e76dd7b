"""Virtual servers, their real servers and the checks, once read: frozen, complete, defaults filled in.

Units: times are seconds (`_s`) as decimals. What a checker leaves out has been taken from its real server, what that leaves out
from its virtual server. Source: keepalived.conf(5), "LVS CONFIGURATION".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from proxy.base.errors import NOWHERE, Where
from proxy.ha.conf.routing import IpAddress
from proxy.ha.conf.script_command import ScriptCommand


class Scheduler(Enum):
    """`lb_algo`: how a connection finds its real server."""

    RR = "rr"
    WRR = "wrr"
    LC = "lc"
    WLC = "wlc"
    LBLC = "lblc"
    LBLCR = "lblcr"
    DH = "dh"
    SH = "sh"
    MH = "mh"
    FO = "fo"
    OVF = "ovf"
    SED = "sed"
    NQ = "nq"
    TWOS = "twos"


class Forwarding(Enum):
    """`lb_kind`: how a packet gets to its real server."""

    NAT = "NAT"
    DR = "DR"
    TUN = "TUN"


class Protocol(Enum):
    """The transport protocol of a virtual server."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


@dataclass(frozen=True, slots=True)
class ForwardingMethod:
    """`lb_kind` with what a tunnel may add: type ipip, gue (with its port) or gre, and its checksum."""

    kind: Forwarding = Forwarding.NAT
    tunnel_type: str = "ipip"
    tunnel_port: int = 0
    tunnel_checksum: str = ""


@dataclass(frozen=True, slots=True)
class CheckBasics:
    """What every checker may set; those of the real server, then of the virtual server, are already in place.

    `connect_ip`, `connect_port` and `connect_timeout_s` say where to and how long a connection is tried; `retry` is how many
    more checks may fail before a working server is down, `delay_before_retry_s` the time between those, `warmup_s` the longest
    random delay before the first check. `alpha` takes the server for down until the first success.
    """

    connect_ip: IpAddress | None = None        # None = the real server's
    connect_port: int | None = None
    bind_ip: IpAddress | None = None           # `bindto`
    bind_interface: str = ""
    bind_port: int = 0
    fwmark: int = 0
    connect_timeout_s: float = 5.0
    delay_loop_s: float = 60.0
    retry: int = 1
    delay_before_retry_s: float = 1.0
    warmup_s: float = 60.0
    alpha: bool = False
    log_all_failures: bool = False


@dataclass(frozen=True, slots=True)
class TcpCheck:
    """`TCP_CHECK`: a connection can be made."""

    basics: CheckBasics = CheckBasics()
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class CheckUrl:
    """`url` of HTTP_GET and SSL_GET. `status_codes` are ranges, both ends included; `digest` is an MD5 in hexadecimal."""

    path: str = "/"
    status_codes: tuple[range, ...] = (range(200, 300),)
    digest: str = ""
    virtualhost: str = ""
    regex: str = ""
    regex_no_match: bool = False
    regex_options: tuple[str, ...] = ()
    regex_min_offset: int = 0
    regex_max_offset: int | None = None
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """`HTTP_GET` (`tls` false) and `SSL_GET` (`tls` true). `http_protocol` is 1.0, 1.0C or 1.1."""

    basics: CheckBasics = CheckBasics()
    tls: bool = False
    urls: tuple[CheckUrl, ...] = ()
    http_protocol: str = "1.0"
    enable_sni: bool = False
    fast_recovery: bool = False
    virtualhost: str = ""
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class SmtpHost:
    """`host` of SMTP_CHECK: another place to ask than the real server."""

    connect_ip: IpAddress | None = None
    connect_port: int | None = None
    bind_ip: IpAddress | None = None
    bind_port: int = 0


@dataclass(frozen=True, slots=True)
class SmtpCheck:
    """`SMTP_CHECK`: the server greets and answers HELO."""

    basics: CheckBasics = CheckBasics()
    helo_name: str = ""                        # "" = the host's name
    hosts: tuple[SmtpHost, ...] = ()
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class DnsCheck:
    """`DNS_CHECK`: a query over UDP is answered."""

    basics: CheckBasics = CheckBasics(retry=3)
    type: str = "SOA"
    name: str = "."
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class UdpCheck:
    """`UDP_CHECK`. `require_reply` None asks for no reply; in a pattern, None stands for four bits that may be anything."""

    basics: CheckBasics = CheckBasics()
    payload: bytes | None = None               # None = something random
    require_reply: tuple[int | None, ...] | None = None      # half-octets, high one first; () = any reply
    min_reply_length: int = 0
    max_reply_length: int = 255
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class PingCheck:
    """`PING_CHECK`: an echo request is answered."""

    basics: CheckBasics = CheckBasics()
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class MiscCheck:
    """`MISC_CHECK`: a program's exit status. `dynamic`: 2 to 255 set the weight to two less."""

    basics: CheckBasics = CheckBasics(retry=0)
    script: ScriptCommand | None = None
    timeout_s: float | None = None             # None = delay_loop
    dynamic: bool = False
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class FileCheck:
    """`FILE_CHECK`: the number in a `track_file`."""

    track_file: str = ""
    weight: int | None = None
    reverse: bool = False
    dynamic: bool = False
    where: Where = NOWHERE


Check = TcpCheck | HttpCheck | SmtpCheck | DnsCheck | UdpCheck | PingCheck | MiscCheck | FileCheck


@dataclass(frozen=True, slots=True)
class RealServer:
    """`real_server`. Port 0 means the port the client asked for."""

    address: IpAddress
    port: int = 0
    weight: int = 1
    method: ForwardingMethod = ForwardingMethod()
    inhibit_on_failure: bool = False
    notify_up: ScriptCommand | None = None
    notify_down: ScriptCommand | None = None
    uthreshold: int = 0
    lthreshold: int = 0
    smtp_alert: bool = False
    virtualhost: str = ""
    checks: tuple[Check, ...] = ()
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class SorryServer:
    """`sorry_server`: the one that answers while the quorum is lost."""

    address: IpAddress
    port: int = 0
    method: ForwardingMethod = ForwardingMethod()
    inhibit: bool = False
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class ServiceRange:
    """Addresses of a `virtual_server_group`, from `first` to `last`, both included."""

    first: IpAddress
    last: IpAddress
    port: int = 0
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class FirewallMark:
    """`fwmark` of a virtual server or a group; `family` is 4, 6 or 0 when not written."""

    mark: int
    family: int = 0
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class VirtualServerGroup:
    """`virtual_server_group`: services that share their real servers."""

    name: str
    ranges: tuple[ServiceRange, ...] = ()
    marks: tuple[FirewallMark, ...] = ()
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """`virtual_server`: exactly one of `address`, `fwmark` and `group` says what it serves.

    `persistence_timeout_s` 0 is no persistence; `persistence_granularity` is a prefix length, None the whole address.
    """

    address: IpAddress | None = None
    port: int = 0
    fwmark: int | None = None
    group: str = ""
    scheduler: Scheduler = Scheduler.WLC
    scheduler_flags: tuple[str, ...] = ()      # sh-port, sh-fallback, mh-port, mh-fallback, flag-1, flag-2, flag-3
    ops: bool = False
    method: ForwardingMethod = ForwardingMethod()
    protocol: Protocol = Protocol.TCP
    persistence_timeout_s: int = 0
    persistence_granularity: int | None = None
    persistence_engine: str = ""
    ha_suspend: bool = False
    alpha: bool = False
    omega: bool = False
    quorum: int = 1
    hysteresis: int = 0
    quorum_up: ScriptCommand | None = None
    quorum_down: ScriptCommand | None = None
    smtp_alert: bool = False
    virtualhost: str = ""
    family: int = 0                            # `ip_family`: 4, 6, or 0 when not written
    sorry_server: SorryServer | None = None
    real_servers: tuple[RealServer, ...] = ()
    delay_loop_s: float = 60.0
    where: Where = NOWHERE

    @property
    def name(self) -> str:
        """How keepalived names it in messages and notices."""
        if self.group:
            return f"[{self.group}]:{self.protocol.value.lower()}:{self.port}"
        if self.fwmark is not None:
            return f"FWM {self.fwmark}"
        return f"[{self.address}]:{self.protocol.value.lower()}:{self.port}"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """`SSL`: what SSL_GET shows to the servers it checks."""

    password: str = field(default="", repr=False)
    ca: str = ""
    certificate: str = ""
    key: str = ""
    where: Where = NOWHERE


NO_TLS_FILES = TlsFiles()
