"""What a configuration means, once read: frozen, complete, defaults already inherited.

Units: every time is in milliseconds (`_ms`), every size in octets; None means "not configured" where HAProxy makes a
difference between that and a value.

These are named tuples with annotations that Python does not take for text: such classes are made in a tenth of the time of
dataclasses, and all of them are made at each start.
"""

from typing import Any, NamedTuple

from proxy.base.addresses import Address
from proxy.base.errors import NOWHERE, Diagnostic, Where


def _shown(record: Any, without: str) -> str:
    """A record for people who debug, one of its fields left out."""
    fields = (f"{name}={getattr(record, name)!r}" for name in record._fields if name != without)
    return f"{type(record).__name__}({', '.join(fields)})"


class LogTarget(NamedTuple):
    """One `log` line. Address family NAME with host "stdout"/"stderr" never occurs: those are DESCRIPTOR 1 and 2."""

    address: Address
    facility: str = "local0"
    level: str = "debug"
    minlevel: str = "emerg"
    length: int = 1024
    format: str = ""                     # "" = HAProxy's default: local for syslog sockets, raw never implied
    where: Where = NOWHERE


class StatsSocket(NamedTuple):
    """One `stats socket` line."""

    address: Address
    mode: int | None = None
    user: str = ""
    group: str = ""
    uid: int | None = None
    gid: int | None = None
    level: str = "operator"
    expose_fd: bool = False
    where: Where = NOWHERE


class Global(NamedTuple):
    """The `global` section and what the command line overrides in it."""

    daemon: bool = False
    master_worker: bool = False
    no_exit_on_failure: bool = False         # the master stays when a worker ends that should not
    mworker_max_reloads: int | None = None   # None = a worker may outlive any number of reloads
    chroot: str = ""
    pidfile: str = ""
    user: str = ""
    group: str = ""
    uid: int | None = None
    gid: int | None = None
    maxconn: int | None = None
    nbthread: int | None = None
    ulimit_n: int | None = None
    log_targets: tuple[LogTarget, ...] = ()
    log_tag: str = ""
    log_send_hostname: str | None = None     # None = off, "" = the machine's name
    node: str = ""
    description: str = ""
    stats_sockets: tuple[StatsSocket, ...] = ()
    stats_timeout_ms: int = 10_000
    stats_maxconn: int = 10
    hard_stop_after_ms: int | None = None
    grace_ms: int = 0
    close_spread_time_ms: int | None = None
    spread_checks_percent: int = 0
    max_spread_checks_ms: int | None = None
    maxconnrate: int = 0
    maxsessrate: int = 0
    bufsize: int = 16384
    maxrewrite: int = 1024
    http_maxhdr: int = 101
    http_cookielen: int = 63
    http_logurilen: int = 1024
    maxaccept: int | None = None
    pool_low_fd_ratio: int = 20
    pool_high_fd_ratio: int = 25
    rcvbuf_client: int = 0
    sndbuf_client: int = 0
    rcvbuf_server: int = 0
    sndbuf_server: int = 0
    nosplice: bool = False
    zero_warning: bool = False
    quiet: bool = False
    localpeer: str = ""
    proxy_maxconn: int | None = None         # -N: the maxconn of a proxy that says nothing
    splicing_forbidden: bool = False         # -dS: as nosplice
    ignore_unresolved: bool = False          # -dr: a server whose name is unknown is no reason not to start
    where: Where = NOWHERE


class Bind(NamedTuple):
    """One listening address: a `bind` line with several addresses or a port range gives several of these."""

    address: Address
    name: str = ""
    listener_id: int | None = None
    accept_proxy: bool = False
    backlog: int | None = None
    maxconn: int | None = None
    mode: int | None = None              # permission bits of a unix socket
    user: str = ""
    group: str = ""
    uid: int | None = None
    gid: int | None = None
    interface: str = ""
    transparent: bool = False
    v6only: bool = False
    v4v6: bool = False
    tfo: bool = False
    defer_accept: bool = False
    mss: int | None = None
    tcp_ut_ms: int | None = None
    nice: int = 0
    level: str = "operator"
    where: Where = NOWHERE


class ServiceCheck(NamedTuple):
    """`option mysql-check` and its like; `kind` is ssl-hello, mysql, smtp, redis, pgsql or ldap."""

    kind: str
    user: str = ""
    before_41: bool = False              # MySQL's protocol before 4.1
    hello: str = ""                      # SMTP's first line
    where: Where = NOWHERE


class CheckRule(NamedTuple):
    """One `http-check` step, or the implicit one made from `option httpchk`.

    `kind` "send": method, uri, version, fields, body. `kind` "expect": `what` is status, string, rstatus or rstring,
    `pattern` its argument, `negated` after `!`, and the statuses reported (`ok_status`, `error_status`, `timeout_status`)
    and texts (`on_success`, `on_error`). `kind` "connect": `port`, `send_proxy`, and `default`: the
    rest is as the server's line says. `kind` "disable-on-404", "send-state".
    """

    kind: str
    method: str = "OPTIONS"
    uri: str = "/"
    version: str = "HTTP/1.0"
    fields: tuple[tuple[str, str], ...] = ()
    body: str = ""
    what: str = ""
    pattern: str = ""
    negated: bool = False
    ok_status: str = "L7OK"
    error_status: str = ""               # "" = L7STS for a status, L7RSP for a content
    timeout_status: str = "L7TOUT"
    on_success: str = ""
    on_error: str = ""
    min_recv: int = -1                   # octets of the body to wait for before it is judged
    comment: str = ""
    port: int | None = None
    send_proxy: bool = False
    default: bool = False
    where: Where = NOWHERE


class ServerLine(NamedTuple):
    """One `server` line with `default-server` already applied."""

    name: str
    address: Address
    server_id: int | None = None
    cookie: str = ""
    weight: int = 1
    backup: bool = False
    disabled: bool = False
    maxconn: int = 0
    minconn: int = 0
    maxqueue: int = 0
    slowstart_ms: int = 0
    check: bool = False
    check_address: Address | None = None
    check_port: int | None = None
    check_send_proxy: bool = False
    check_connect: CheckRule | None = None          # the `tcp-check connect` in force
    inter_ms: int = 2000
    fastinter_ms: int | None = None
    downinter_ms: int | None = None
    rise: int = 2
    fall: int = 3
    observe: str = ""                    # "", "layer4", "layer7"
    error_limit: int = 10
    on_error: str = "fail-check"         # fastinter, fail-check, sudden-death, mark-down
    on_marked_down: str = ""             # "" or "shutdown-sessions"
    on_marked_up: str = ""               # "" or "shutdown-backup-sessions"
    track: str = ""                      # "server" or "backend/server"
    send_proxy: int = 0                  # bits of base.proxy_parts, 0 = no header
    pool_max_conn: int = -1
    pool_low_conn: int = 0
    pool_purge_delay_ms: int = 5000
    max_reuse: int = -1
    source: Address | None = None
    init_addr: tuple[str, ...] = ("last", "libc")
    resolvers: str = ""
    resolve_prefer: str = ""
    resolve_opts: tuple[str, ...] = ()
    tcp_ut_ms: int | None = None
    where: Where = NOWHERE


class CookieSettings(NamedTuple):
    """The `cookie` line. `mode` is rewrite, insert or prefix."""

    name: str
    mode: str = ""
    indirect: bool = False
    nocache: bool = False
    postonly: bool = False
    preserve: bool = False
    httponly: bool = False
    secure: bool = False
    domains: tuple[str, ...] = ()
    maxidle_s: int = 0
    maxlife_s: int = 0
    attrs: tuple[str, ...] = ()
    where: Where = NOWHERE


class BalanceSettings(NamedTuple):
    """The `balance` and `hash-type` lines.

    `argument` is the header name of hdr(), the parameter of url_param or the draws of random(n).
    """

    algorithm: str = "roundrobin"
    argument: str = ""
    uri_len: int = 0
    uri_depth: int = 0
    uri_whole: bool = False
    uri_path_only: bool = False
    check_post: bool = False
    hdr_use_domain_only: bool = False
    hash_type: str = "map-based"         # or "consistent"
    hash_function: str = ""              # sdbm, djb2, wt6, crc32, none; "" = the default (sdbm)
    hash_modifier: str = ""              # "" or "avalanche"
    hash_balance_factor: int = 0
    where: Where = NOWHERE


class AddressField(NamedTuple):
    """`option forwardfor` / `option originalto`."""

    header: str
    except_nets: tuple[str, ...] = ()
    if_none: bool = False


class StatsSettings(NamedTuple):
    """Every `stats …` line of a proxy. `admin_if` is "", "TRUE" or "LOCALHOST"."""

    enabled: bool = False
    uri: str = "/haproxy?stats"
    realm: str = ""
    users: tuple[tuple[str, str], ...] = ()     # with their passwords
    refresh_s: int = 0
    hide_version: bool = False
    show_legends: bool = False
    show_modules: bool = False
    show_node: str | None = None         # None = not shown, "" = the global node name
    show_desc: str | None = None
    scopes: tuple[str, ...] = ()
    admin_if: str = ""
    where: Where = NOWHERE

    def __repr__(self) -> str:
        return _shown(self, without="users")


class ErrorPage(NamedTuple):
    """`errorfile` (content already read), `errorloc`, `errorloc302` or `errorloc303` for one status."""

    status: int
    raw: bytes = b""                     # a whole response, as errorfile gives it
    location: str = ""
    redirect_status: int = 0             # 302 or 303 for errorloc*
    where: Where = NOWHERE


class UseService(NamedTuple):
    """`http-request use-service prometheus-exporter if { path /metrics }`; an empty path means always."""

    service: str
    path: str = ""
    where: Where = NOWHERE


class Timeouts(NamedTuple):
    """`timeout …` lines, in milliseconds; None = never."""

    client: int | None = None
    server: int | None = None
    connect: int | None = None
    queue: int | None = None
    check: int | None = None
    http_request: int | None = None
    http_keep_alive: int | None = None
    tunnel: int | None = None
    client_fin: int | None = None
    server_fin: int | None = None
    tarpit: int | None = None


class ProxySection(NamedTuple):
    """A frontend, backend or listen section. `kind` tells which; a listen section is both sides.

    `options` holds the names of the plain on/off options in force, e.g. "dontlognull", "http-server-close", "redispatch"
    is not among them (see `redispatch_after`).
    """

    kind: str
    name: str
    where: Where
    proxy_id: int | None = None
    mode: str = "tcp"                    # tcp, http, health
    disabled: bool = False
    description: str = ""
    options: frozenset[str] = frozenset()
    timeouts: Timeouts = Timeouts()
    maxconn: int | None = None           # client side; None = 2000 or -N
    fullconn: int | None = None
    backlog: int | None = None
    retries: int = 3
    retry_on: tuple[str, ...] = ("conn-failure",)
    redispatch_after: int | None = None  # None = off, n = every n retries, -n = n before the last
    binds: tuple[Bind, ...] = ()
    default_backend: str = ""
    servers: tuple[ServerLine, ...] = ()
    balance: BalanceSettings = BalanceSettings()
    cookie: CookieSettings | None = None
    source: Address | None = None
    http_reuse: str = "safe"
    connection_mode: str = "keep-alive"  # keep-alive, server-close, close
    forwardfor: AddressField | None = None
    originalto: AddressField | None = None
    log_targets: tuple[LogTarget, ...] = ()   # `log global` already replaced by the global targets
    log_format: str | None = None        # None = no format asked for (the default connect line); else the format's text
    log_format_kind: str = ""            # "", "tcplog", "httplog", "httpslog", "clf", "custom"
    error_log_format: str | None = None
    log_tag: str = ""
    unique_id_format: str = ""
    unique_id_header: str = ""
    capture_request_headers: tuple[tuple[str, int], ...] = ()
    capture_response_headers: tuple[tuple[str, int], ...] = ()
    capture_cookie: tuple[str, int] | None = None
    error_pages: tuple[ErrorPage, ...] = ()
    monitor_uri: str = ""
    stats: StatsSettings | None = None
    use_services: tuple[UseService, ...] = ()
    httpchk: bool = False
    check_service: ServiceCheck | None = None
    check_rules: tuple[CheckRule, ...] = ()
    request_fields: tuple[tuple[str, str, str], ...] = ()    # (add|set|del, name, value)
    response_fields: tuple[tuple[str, str, str], ...] = ()
    rate_limit_sessions: int = 0

    @property
    def is_frontend(self) -> bool:
        return self.kind in ("frontend", "listen")

    @property
    def is_backend(self) -> bool:
        return self.kind in ("backend", "listen")


class Nameserver(NamedTuple):
    """A `nameserver` line."""

    name: str
    address: Address
    where: Where = NOWHERE


class ResolversSection(NamedTuple):
    """A `resolvers` section. Times are in milliseconds."""

    name: str
    nameservers: tuple[Nameserver, ...] = ()
    parse_resolv_conf: bool = False
    accepted_payload_size: int = 512
    resolve_retries: int = 3
    timeout_resolve_ms: int = 1000
    timeout_retry_ms: int = 1000
    hold_valid_ms: int = 10_000
    hold_nx_ms: int = 30_000
    hold_other_ms: int = 30_000
    hold_refused_ms: int = 30_000
    hold_timeout_ms: int = 30_000
    hold_obsolete_ms: int = 0
    where: Where = NOWHERE


class KeptSection(NamedTuple):
    """A section that is read but not acted on (userlist, peers, cache, ring, ...): its words as they stand."""

    kind: str
    name: str
    lines: tuple[tuple[str, ...], ...]          # a userlist's have passwords
    where: Where = NOWHERE

    def __repr__(self) -> str:
        return _shown(self, without="lines")


class Configuration(NamedTuple):
    """A whole configuration that passed every check, and the warnings it gave."""

    global_: Global
    proxies: tuple[ProxySection, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    files: tuple[str, ...] = ()
    kept: tuple[KeptSection, ...] = ()
    resolvers: tuple[ResolversSection, ...] = ()

    @property
    def has_listeners(self) -> bool:
        """False for a configuration that has no error but nothing to listen on: HAProxy then exits with status 2."""
        return any(proxy.binds and not proxy.disabled for proxy in self.proxies)
