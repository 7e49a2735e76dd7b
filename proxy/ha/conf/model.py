"""What a keepalived.conf means, once read: frozen, complete, defaults filled in, every block with the place it was written.

Units: times are seconds (`_s`) as decimals, the configuration's own unit; sizes are octets. None means "not written" where what
it then is depends on something else (a global default, another block); `load` has already filled in what this file says.
Source: keepalived.conf(5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from proxy.base.errors import NOWHERE, Diagnostic, Where
from proxy.ha.conf.routing import Route, Rule, VirtualAddress

VRRP_GROUP4 = IPv4Address("224.0.0.18")
VRRP_GROUP6 = IPv6Address("ff02::12")

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class ScriptCommand:
    """A program to run: its words, and who runs it ("" = the configuration's `script_user`)."""

    words: tuple[str, ...]
    user: str = ""
    group: str = ""
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Fifo:
    """A named pipe that notices are written to, and whose it becomes."""

    path: str
    user: str = ""
    group: str = ""
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class SyncDaemon:
    """`lvs_sync_daemon`: the kernel's connection synchronisation (IPVS only)."""

    interface: str
    instance: str = ""
    syncid: int | None = None
    maxlen: int = 0
    port: int = 0
    ttl: int = 0
    group: str = ""
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class LvsTimeouts:
    """`lvs_timeouts`, in seconds; None leaves the kernel's."""

    tcp_s: int | None = None
    tcpfin_s: int | None = None
    udp_s: int | None = None


@dataclass(frozen=True, slots=True)
class Global:
    """`global_defs`, and the statements that may stand outside any block."""

    # mail
    notification_email: tuple[str, ...] = ()
    notification_email_from: str = ""          # "" = keepalived@<host name>
    smtp_server: str = ""                      # "" = no mail is sent
    smtp_port: int = 25
    smtp_helo_name: str = ""
    smtp_connect_timeout_s: float = 30.0
    smtp_alert: bool | None = None
    smtp_alert_vrrp: bool | None = None
    smtp_alert_checker: bool | None = None
    no_email_faults: bool = False
    no_checker_emails: bool = False
    router_id: str = ""                        # "" = host name
    # scripts
    script_user: str = ""
    script_group: str = ""
    enable_script_security: bool = False
    startup_script: ScriptCommand | None = None
    startup_script_timeout_s: float = 10.0
    shutdown_script: ScriptCommand | None = None
    shutdown_script_timeout_s: float = 10.0
    notify_fifo: Fifo | None = None
    notify_fifo_script: ScriptCommand | None = None
    vrrp_notify_fifo: Fifo | None = None
    vrrp_notify_fifo_script: ScriptCommand | None = None
    lvs_notify_fifo: Fifo | None = None
    lvs_notify_fifo_script: ScriptCommand | None = None
    fifo_write_vrrp_states_on_reload: bool = False
    # VRRP
    vrrp_version: int = 2
    vrrp_strict: bool = False
    vrrp_skip_check_adv_addr: bool = False
    vrrp_check_unicast_src: bool = False
    vrrp_mcast_group4: IPv4Address = VRRP_GROUP4
    vrrp_mcast_group6: IPv6Address = VRRP_GROUP6
    vrrp_garp_master_delay_s: float = 5.0
    vrrp_garp_master_repeat: int = 5
    vrrp_garp_master_refresh_s: float = 0.0
    vrrp_garp_master_refresh_repeat: int = 1
    vrrp_garp_lower_prio_delay_s: float | None = None      # None = vrrp_garp_master_delay_s
    vrrp_garp_lower_prio_repeat: int | None = None         # None = vrrp_garp_master_repeat
    vrrp_garp_interval_s: float = 0.0
    vrrp_gna_interval_s: float = 0.0
    vrrp_min_garp: bool = False
    vrrp_garp_extra_if_s: int = 0
    vrrp_garp_extra_if_all: bool = False
    vrrp_lower_prio_no_advert: bool | None = None
    vrrp_higher_prio_send_advert: bool | None = None
    vrrp_down_timer_adverts: int = 3
    vrrp_startup_delay_s: float = 0.0
    vrrp_notify_priority_changes: bool = False
    log_unknown_vrids: bool = False
    default_interface: str = "eth0"
    dynamic_interfaces: bool = False
    allow_if_changes: bool = False
    # process
    instance: str = ""
    net_namespace: str = ""
    use_pid_dir: bool = False
    vrrp_priority: int | None = None           # nice value
    checker_priority: int | None = None
    vrrp_rt_priority: int | None = None        # SCHED_RR
    checker_rt_priority: int | None = None
    vrrp_no_swap: bool = False
    checker_no_swap: bool = False
    vrrp_cpu_affinity: tuple[int, ...] = ()
    checker_cpu_affinity: tuple[int, ...] = ()
    umask: int | None = None
    child_wait_time_s: float = 5.0
    reload_check_config: bool = False
    # virtual servers
    lvs_sync_daemon: SyncDaemon | None = None
    lvs_timeouts: LvsTimeouts = LvsTimeouts()
    lvs_flush: bool = False
    lvs_flush_on_stop: str = ""                # "", "all" or "VS"
    nftables_table: str = "keepalived"
    nftables_ipvs_table: str = "keepalived_ipvs"
    nftables_counters: bool = False
    nftables_ipvs_start_fwmark: int = 1000
    checker_log_all_failures: bool = False
    rs_init_notifies: bool = False
    # pyproxy-ha's own
    metrics_address: str = ""                  # "" = no Prometheus metrics are served
    metrics_port: int = 0
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class VrrpScript:
    """`vrrp_script`: a program run again and again, whose exit status is tracked."""

    name: str
    script: ScriptCommand | None = None
    interval_s: float = 1.0
    timeout_s: float | None = None             # None = interval_s
    weight: int = 0
    reverse: bool = False
    rise: int = 1
    fall: int = 1
    init_fail: bool = False
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class TrackProcess:
    """`vrrp_track_process`: how many processes of a name run."""

    name: str
    process: str = ""
    parameters: tuple[str, ...] | None = None  # None = the command's name alone counts
    param_match: str = ""                      # "", "initial" or "partial"
    full_command: bool = False
    weight: int = 1
    reverse: bool = False
    quorum: int = 1
    quorum_max: int | None = None
    fork_delay_s: float = 0.0
    terminate_delay_s: float = 0.0
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class TrackFile:
    """`track_file`: a file that holds a number."""

    name: str
    file: str = ""
    weight: int = 1
    reverse: bool = False
    init_file: bool = False
    init_value: int = 0
    init_overwrite: bool = False
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Tracked:
    """One line of `track_interface`, `track_script`, `track_file` or `track_process`; None leaves the tracked thing's own."""

    name: str
    weight: int | None = None
    reverse: bool | None = None
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class TrackProxy:
    """`track_proxy`: the health of a backend of pyproxy or HAProxy, asked through its runtime socket (pyproxy-ha's own).

    `backend` may name one server of it (`weblb/web1`). Weight 0 means FAULT while it is down.
    """

    socket: str
    backend: str
    weight: int = 0
    interval_s: float = 1.0
    timeout_s: float = 1.0
    rise: int = 1
    fall: int = 2
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Tracking:
    """Everything that an instance or a group watches."""

    interfaces: tuple[Tracked, ...] = ()
    scripts: tuple[Tracked, ...] = ()
    files: tuple[Tracked, ...] = ()
    processes: tuple[Tracked, ...] = ()
    proxies: tuple[TrackProxy, ...] = ()


@dataclass(frozen=True, slots=True)
class Notify:
    """What is run and sent when the state changes."""

    master: ScriptCommand | None = None
    backup: ScriptCommand | None = None
    fault: ScriptCommand | None = None
    stop: ScriptCommand | None = None
    deleted: ScriptCommand | None = None
    send_deleted: bool = False                 # `notify_deleted`, with or without a script
    any: ScriptCommand | None = None
    master_rx_lower_pri: ScriptCommand | None = None
    priority_changes: bool | None = None
    smtp_alert: bool | None = None


@dataclass(frozen=True, slots=True)
class SyncGroup:
    """`vrrp_sync_group`: instances that change state together."""

    name: str
    members: tuple[str, ...] = ()
    tracking: Tracking = Tracking()
    notify: Notify = Notify()
    tracking_weight: bool = False              # `sync_group_tracking_weight`
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class GarpGroup:
    """`garp_group`: interfaces that share a rate of gratuitous ARP and unsolicited neighbour advertisements."""

    interfaces: tuple[str, ...] = ()
    garp_interval_s: float = 0.0
    gna_interval_s: float = 0.0
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class UnicastPeer:
    """One line of `unicast_peer`."""

    address: IpAddress
    min_ttl: int = 0
    max_ttl: int = 255
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class InterfaceDelay:
    """One line of `interface_up_down_delays`."""

    name: str
    down_s: float
    up_s: float
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Instance:
    """`vrrp_instance`. What it leaves to `global_defs` is filled in by `load`; nothing here is None for that reason alone."""

    name: str
    state: str = "BACKUP"
    interface: str = ""
    virtual_router_id: int = 0
    priority: int = 100
    advert_int_s: float = 1.0
    version: int = 2
    auth_type: str = "NONE"
    auth_pass: bytes = b""
    nopreempt: bool = False
    preempt_delay_s: float = 0.0
    src_ip: IpAddress | None = None            # `unicast_src_ip`, `mcast_src_ip`
    track_src_ip: bool = False
    mcast_dst_ip: IpAddress | None = None      # None = the group of `global_defs`
    unicast: bool = False
    unicast_peers: tuple[UnicastPeer, ...] = ()
    unicast_ttl: int = 255
    unicast_fault_no_peer: bool = False
    check_unicast_src: bool = False
    tracking: Tracking = Tracking()
    notify: Notify = Notify()
    dont_track_primary: bool = False
    virtual_addresses: tuple[VirtualAddress, ...] = ()
    virtual_addresses_excluded: tuple[VirtualAddress, ...] = ()
    virtual_routes: tuple[Route, ...] = ()
    virtual_rules: tuple[Rule, ...] = ()
    promote_secondaries: bool = False
    garp_master_delay_s: float = 5.0
    garp_master_repeat: int = 5
    garp_master_refresh_s: float = 0.0
    garp_master_refresh_repeat: int = 1
    garp_lower_prio_delay_s: float = 5.0
    garp_lower_prio_repeat: int = 5
    garp_extra_if_s: int = 0
    garp_extra_if_all: bool = False
    down_timer_adverts: int = 3
    accept: bool = True
    strict: bool = False
    skip_check_adv_addr: bool = False
    lower_prio_no_advert: bool = False
    higher_prio_send_advert: bool = True
    where: Where = NOWHERE

    @property
    def ipv6(self) -> bool:
        """Whether it speaks IPv6: its first address, or the address it sends from, decides."""
        if self.virtual_addresses:
            return self.virtual_addresses[0].address.version == 6
        if self.unicast_peers:
            return self.unicast_peers[0].address.version == 6
        return self.src_ip is not None and self.src_ip.version == 6


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

    password: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class Configuration:
    """A whole configuration, and everything that is to be said about it."""

    global_: Global = Global()
    scripts: tuple[VrrpScript, ...] = ()
    track_processes: tuple[TrackProcess, ...] = ()
    track_files: tuple[TrackFile, ...] = ()
    sync_groups: tuple[SyncGroup, ...] = ()
    garp_groups: tuple[GarpGroup, ...] = ()
    interface_delays: tuple[InterfaceDelay, ...] = ()
    instances: tuple[Instance, ...] = ()
    track_groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    static_addresses: tuple[VirtualAddress, ...] = ()
    static_routes: tuple[Route, ...] = ()
    static_rules: tuple[Rule, ...] = ()
    virtual_server_groups: tuple[VirtualServerGroup, ...] = ()
    virtual_servers: tuple[VirtualServer, ...] = ()
    tls: TlsFiles = TlsFiles()
    diagnostics: tuple[Diagnostic, ...] = ()
