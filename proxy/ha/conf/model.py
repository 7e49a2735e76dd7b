"""What a keepalived.conf means, once read: frozen, complete, defaults filled in, every block with the place it was written.

Units: times are seconds (`_s`) as decimals, the configuration's own unit; sizes are octets. None means "not written" where what
it then is depends on something else (a global default, another block); `load` has already filled in what this file says.
Source: keepalived.conf(5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from proxy.base.errors import NOWHERE, Diagnostic, Where
from proxy.ha.conf.routing import IpAddress, Route, Rule, VirtualAddress
from proxy.ha.conf.script_command import ScriptCommand
from proxy.ha.conf.services import NO_TLS_FILES, TlsFiles, VirtualServer, VirtualServerGroup

VRRP_GROUP4 = IPv4Address("224.0.0.18")
VRRP_GROUP6 = IPv6Address("ff02::12")



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
    nftables_counters: bool = False
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
    auth_pass: bytes = field(default=b"", repr=False)
    nopreempt: bool = False
    preempt_delay_s: float = 0.0
    src_ip: IpAddress | None = None            # `unicast_src_ip`, `mcast_src_ip`
    track_src_ip: bool = False
    mcast_dst_ip: IpAddress | None = None      # None = the group of `global_defs`
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
    static_addresses: tuple[VirtualAddress, ...] = ()
    static_routes: tuple[Route, ...] = ()
    static_rules: tuple[Rule, ...] = ()
    virtual_server_groups: tuple[VirtualServerGroup, ...] = ()
    virtual_servers: tuple[VirtualServer, ...] = ()
    tls: TlsFiles = NO_TLS_FILES
    diagnostics: tuple[Diagnostic, ...] = ()
