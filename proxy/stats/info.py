"""The process in numbers: "show info", the page's general information and the `haproxy_process_` metrics, from one table.

What this proxy does not have (memory pools, pipes, TLS, compression, peers) is truly 0.
Source: HAProxy management guide, "show info".
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from proxy.base.version import HAPROXY_VERSION
from proxy.runtime.cells import (
    BLOCKED,
    BOUT,
    CONN_CUR,
    CONN_RATE_AT,
    CONN_RATE_MAX,
    CONN_TOT,
    RATE_AT,
    RATE_MAX,
    REQ_TOT,
    SPLICED_OUT,
)
from proxy.runtime.process import PROCESS_ROW, Process
from proxy.runtime.rates import rate_read
from proxy.stats.readings import Kind, Reading, Value

PRODUCT = "HAProxy"         # what tools that read "show info" look for
RELEASE_DATE = "2026/10/17"


class LoadMeter:
    """How busy the process is and how much it sends, between two looks at least a second apart.

    `dropped_logs` tells how many log lines no target took, which only the log's own sinks know, `used_cpu_s` how much processor
    time was used so far by the `workers` that share the load.
    """

    __slots__ = ("_cpu_s", "_looked_ms", "_sent", "_used_cpu_s", "_workers", "dropped_logs", "idle_percent", "octets_per_s")

    def __init__(
        self, dropped_logs: Callable[[], int] = int, used_cpu_s: Callable[[], float] = time.process_time, workers: int = 1
    ) -> None:
        self.dropped_logs = dropped_logs
        self._used_cpu_s = used_cpu_s
        self._workers = workers
        self.idle_percent = 100
        self.octets_per_s = 0
        self._looked_ms = -1
        self._cpu_s = 0.0
        self._sent = 0

    def look(self, now_ms: int, sent: int) -> None:
        """Bring both numbers up to date."""
        elapsed_ms = now_ms - self._looked_ms
        if self._looked_ms >= 0 and elapsed_ms < 1000:
            return
        cpu_s = self._used_cpu_s()
        if self._looked_ms >= 0:
            busy_percent = (cpu_s - self._cpu_s) * 100_000 / elapsed_ms / self._workers
            self.idle_percent = min(100, max(0, round(100 - busy_percent)))
            self.octets_per_s = max(0, sent - self._sent) * 1000 // elapsed_ms
        self._looked_ms, self._cpu_s, self._sent = now_ms, cpu_s, sent


class ProcessReading:
    """The process at one instant: sums over its frontends, and what only it knows."""

    __slots__ = (
        "blocked", "conn_rate", "conn_rate_max", "connections", "connections_total", "dropped_logs", "fd_limit", "idle_percent",
        "octets_out", "octets_per_s", "process", "rate", "rate_max", "requests", "spliced_out", "tasks", "uptime_s",
    )

    def __init__(self, process: Process, now_ms: int, meter: LoadMeter) -> None:
        self.process = process
        fronts = [Reading(process, Kind.FRONTEND, frontend, now_ms) for frontend in process.frontends]
        board = process.board
        columns = [board.row(PROCESS_ROW, column) for column in range(board.columns)]
        self.connections = process.served if board.columns == 1 else sum(int(row[CONN_CUR]) for row in columns)
        self.blocked = sum(int(row[BLOCKED]) for row in columns)
        self.spliced_out = sum(int(row[SPLICED_OUT]) for row in columns)
        self.dropped_logs = meter.dropped_logs()
        self.connections_total = sum(front.cells[CONN_TOT] for front in fronts)
        self.requests = sum(front.cells[REQ_TOT] for front in fronts)
        self.octets_out = sum(front.cells[BOUT] for front in fronts)
        self.conn_rate = sum(front.rate(CONN_RATE_AT) for front in fronts)
        self.rate = sum(front.rate(RATE_AT) for front in fronts)
        own_conn = sum(rate_read(row, CONN_RATE_AT, now_ms) for row in columns)
        self.conn_rate_max = max([self.conn_rate, own_conn, *(int(front.cells[CONN_RATE_MAX]) for front in fronts),
                                  *(int(row[CONN_RATE_MAX]) for row in columns)])
        self.rate_max = max([self.rate, *(int(front.cells[RATE_MAX]) for front in fronts),
                             *(int(row[RATE_MAX]) for row in columns)])
        self.uptime_s = max(0, now_ms - process.start_monotonic_ms) // 1000
        self.fd_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        meter.look(now_ms, self.octets_out)
        self.idle_percent = meter.idle_percent
        self.octets_per_s = meter.octets_per_s
        self.tasks = self.connections + sum(len(front.listeners) for front in process.frontends)

    @property
    def listeners(self) -> int:
        return sum(len(front.listeners) for front in self.process.frontends if not front.stopped)


@dataclass(frozen=True, slots=True)
class InfoField:
    """One line of "show info". `metric` is the (name after haproxy_process_, type) for Prometheus, or None.

    What is not `shown` keeps its position free, as HAProxy does for compression when it is built without zlib.
    """

    name: str
    tags: str
    type: str
    description: str
    read: Callable[[ProcessReading], Value]
    metric: tuple[str, str] | None = None
    shown: bool = True


def uptime_text(seconds: int) -> str:
    """Days, hours, minutes and seconds as `0d 0h00m07s`."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"{day}d {hour}h{minute:02d}m{second:02d}s"


def _zero(reading: ProcessReading) -> Value:
    return 0


_G, _C = "gauge", "counter"

INFO_FIELDS: tuple[InfoField, ...] = (
    InfoField("Name", "POS", "str", "Name of the product", lambda r: PRODUCT),
    InfoField("Version", "POS", "str", "Version of HAProxy that this one behaves like",
              lambda r: r.process.version or HAPROXY_VERSION),
    InfoField("Release_date", "POS", "str", "Date of that version", lambda r: RELEASE_DATE),
    InfoField("Nbthread", "CGS", "u32", "Workers (nbthread)", lambda r: r.process.nbthread, ("nbthread", _G)),
    InfoField("Nbproc", "CGS", "u32", "Processes, always 1", lambda r: 1, ("nbproc", _G)),
    InfoField("Process_num", "KGP", "u32", "Number of this process, always 1", lambda r: 1, ("relative_process_id", _G)),
    InfoField("Pid", "SGP", "u32", "Process identifier", lambda r: r.process.pid),
    InfoField("Uptime", "MDP", "str", "Time since the start", lambda r: uptime_text(r.uptime_s)),
    InfoField("Uptime_sec", "MDP", "u32", "Seconds since the start", lambda r: r.uptime_s, ("uptime_seconds", _G)),
    InfoField("Memmax_MB", "CLP", "u32", "Limit on memory in MB, 0 = none", _zero),
    InfoField("PoolAlloc_MB", "MGP", "u32", "Memory allocated in pools in MB", _zero),
    InfoField("PoolUsed_MB", "MGP", "u32", "Memory used in pools in MB", _zero),
    InfoField("PoolFailed", "MCP", "u32", "Allocations that failed", _zero, ("pool_failures_total", _C)),
    InfoField("Ulimit-n", "CLP", "u32", "Limit on open files", lambda r: r.fd_limit, ("max_fds", _G)),
    InfoField("Maxsock", "CLP", "u32", "Limit on sockets", lambda r: r.fd_limit, ("max_sockets", _G)),
    InfoField("Maxconn", "CLP", "u32", "Limit on connections (maxconn)", lambda r: r.process.maxconn, ("max_connections", _G)),
    InfoField("Hard_maxconn", "CLP", "u32", "Limit on connections at the start",
              lambda r: r.process.hard_maxconn or r.process.maxconn,
              ("hard_max_connections", _G)),
    InfoField("CurrConns", "MGP", "u32", "Connections now", lambda r: r.connections, ("current_connections", _G)),
    InfoField("CumConns", "MCP", "u32", "Connections since the start", lambda r: r.connections_total, ("connections_total", _C)),
    InfoField("CumReq", "MCP", "u32", "Requests since the start", lambda r: r.requests, ("requests_total", _C)),
    InfoField("MaxSslConns", "MMP", "u32", "Limit on TLS connections", _zero, ("max_ssl_connections", _G)),
    InfoField("CurrSslConns", "MGP", "u32", "TLS connections now", _zero, ("current_ssl_connections", _G)),
    InfoField("CumSslConns", "MCP", "u32", "TLS connections since the start", _zero, ("ssl_connections_total", _C)),
    InfoField("Maxpipes", "CLP", "u32", "Limit on pipes", _zero, ("max_pipes", _G)),
    InfoField("PipesUsed", "MGP", "u32", "Pipes in use", _zero, ("pipes_used_total", _C)),
    InfoField("PipesFree", "MGP", "u32", "Pipes free", _zero, ("pipes_free_total", _C)),
    InfoField("ConnRate", "MRP", "u32", "Connections in the last second", lambda r: r.conn_rate, ("current_connection_rate", _G)),
    InfoField("ConnRateLimit", "CLP", "u32", "Limit on it (maxconnrate)", lambda r: _setting(r, "maxconnrate"),
              ("limit_connection_rate", _G)),
    InfoField("MaxConnRate", "MMP", "u32", "Most connections seen in a second", lambda r: r.conn_rate_max,
              ("max_connection_rate", _G)),
    InfoField("SessRate", "MRP", "u32", "Sessions in the last second", lambda r: r.rate, ("current_session_rate", _G)),
    InfoField("SessRateLimit", "CLP", "u32", "Limit on it (maxsessrate)", lambda r: _setting(r, "maxsessrate"),
              ("limit_session_rate", _G)),
    InfoField("MaxSessRate", "MRP", "u32", "Most sessions seen in a second", lambda r: r.rate_max, ("max_session_rate", _G)),
    InfoField("SslRate", "MRP", "u32", "TLS connections in the last second", _zero, ("current_ssl_rate", _G)),
    InfoField("SslRateLimit", "CLP", "u32", "Limit on it (maxsslrate)", _zero, ("limit_ssl_rate", _G)),
    InfoField("MaxSslRate", "MMP", "u32", "Most TLS connections seen in a second", _zero, ("max_ssl_rate", _G)),
    InfoField("SslFrontendKeyRate", "MGP", "u32", "TLS keys made for clients in the last second", _zero,
              ("current_frontend_ssl_key_rate", _G)),
    InfoField("SslFrontendMaxKeyRate", "MMP", "u32", "Most of them in a second", _zero, ("max_frontend_ssl_key_rate", _G)),
    InfoField("SslFrontendSessionReuse_pct", "MGP", "u32", "Percent of client TLS sessions resumed", _zero,
              ("frontend_ssl_reuse", _G)),
    InfoField("SslBackendKeyRate", "MRP", "u32", "TLS keys made for servers in the last second", _zero,
              ("current_backend_ssl_key_rate", _G)),
    InfoField("SslBackendMaxKeyRate", "MMP", "u32", "Most of them in a second", _zero, ("max_backend_ssl_key_rate", _G)),
    InfoField("SslCacheLookups", "MCP", "u32", "TLS sessions looked up", _zero, ("ssl_cache_lookups_total", _C)),
    InfoField("SslCacheMisses", "MCP", "u32", "TLS sessions not found", _zero, ("ssl_cache_misses_total", _C)),
    InfoField("CompressBpsIn", "MRP", "u32", "Octets into the compressor in the last second", _zero,
              ("http_comp_bytes_in_total", _C)),
    InfoField("CompressBpsOut", "MRP", "u32", "Octets out of the compressor in the last second", _zero,
              ("http_comp_bytes_out_total", _C)),
    InfoField("CompressBpsRateLim", "CLP", "u32", "Limit on it", _zero, ("limit_http_comp", _G)),
    InfoField("ZlibMemUsage", "MGP", "u32", "Memory used by compression", _zero, ("current_zlib_memory", _G), shown=False),
    InfoField("MaxZlibMemUsage", "CLP", "u32", "Limit on it", _zero, ("max_zlib_memory", _G), shown=False),
    InfoField("Tasks", "MGP", "u32", "Sessions and listeners at work", lambda r: r.tasks, ("current_tasks", _G)),
    InfoField("Run_queue", "MGP", "u32", "Tasks ready to run", _zero, ("current_run_queue", _G)),
    InfoField("Idle_pct", "MaP", "u32", "Percent of the time spent waiting", lambda r: r.idle_percent, ("idle_time_percent", _G)),
    InfoField("node", "COS", "str", "Name of this node", lambda r: r.process.node),
    InfoField("description", "COS", "str", "Description of this node", lambda r: r.process.description or None),
    InfoField("Stopping", "MGP", "u32", "1 while a soft stop is under way", lambda r: int(r.process.closing), ("stopping", _G)),
    InfoField("Jobs", "MGP", "u32", "Connections and listeners", lambda r: r.connections + r.listeners, ("jobs", _G)),
    InfoField("Unstoppable Jobs", "MGP", "u32", "Those that a soft stop does not wait for", _zero, ("unstoppable_jobs", _G)),
    InfoField("Listeners", "MGP", "u32", "Listeners open", lambda r: r.listeners, ("listeners", _G)),
    InfoField("ActivePeers", "MGP", "u32", "Peers in sync", _zero, ("active_peers", _G)),
    InfoField("ConnectedPeers", "MGP", "u32", "Peers connected", _zero, ("connected_peers", _G)),
    InfoField("DroppedLogs", "MGP", "u32", "Log lines that could not be sent", lambda r: r.dropped_logs,
              ("dropped_logs_total", _C)),
    InfoField("BusyPolling", "MGP", "u32", "1 while polling without waiting", _zero, ("busy_polling_enabled", _G)),
    InfoField("FailedResolutions", "MGP", "u32", "Names that could not be resolved", _zero, ("failed_resolutions", _C)),
    InfoField("TotalBytesOut", "MGP", "u64", "Octets sent to clients", lambda r: r.octets_out, ("bytes_out_total", _C)),
    InfoField("TotalSplicdedBytesOut", "MGP", "u64", "Octets sent without a copy", lambda r: r.spliced_out,
              ("spliced_bytes_out_total", _C)),
    InfoField("BytesOutRate", "MRP", "u64", "Octets sent to clients in a second", lambda r: r.octets_per_s,
              ("bytes_out_rate", _G)),
    InfoField("DebugCommandsIssued", "MGP", "u32", "Debug commands used", _zero),
    InfoField("CumRecvLogs", "MCP", "u32", "Log lines received", _zero, ("recv_logs_total", _C)),
    InfoField("Build info", "POS", "str", "Version", lambda r: r.process.version or HAPROXY_VERSION, ("build_info", _G)),
    InfoField("Memmax_bytes", "CLP", "u32", "Limit on memory in octets, 0 = none", _zero, ("max_memory_bytes", _G)),
    InfoField("PoolAlloc_bytes", "MGP", "u64", "Memory allocated in pools", _zero, ("pool_allocated_bytes", _G)),
    InfoField("PoolUsed_bytes", "MGP", "u64", "Memory used in pools", _zero, ("pool_used_bytes", _G)),
    InfoField("Start_time_sec", "MDP", "u32", "When the process started, seconds since the epoch",
              lambda r: int(r.process.start_wall_s), ("start_time_seconds", _G)),
    InfoField("Tainted", "SGP", "str", "Experimental features used", lambda r: "0"),
    InfoField("BlockedTrafficWarnings", "MCP", "u32", "Turns of the event loop that held traffic up for more than 100 ms",
              lambda r: r.blocked, ("blocked_traffic_warnings_total", _C)),
)

def _setting(reading: ProcessReading, name: str) -> Value:
    return int(getattr(reading.process.settings, name, 0) or 0)


def info_values(reading: ProcessReading) -> Iterator[tuple[int, InfoField, Value]]:
    """(position, field, value) of every line that is shown and applies."""
    for position, entry in enumerate(INFO_FIELDS):
        value = entry.read(reading) if entry.shown else None
        if value is not None:
            yield position, entry, value
