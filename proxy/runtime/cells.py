"""The layout of a row of the board: one 64-bit cell per counter, the same for every kind of row.

A row is a memoryview of signed 64-bit integers; `row[REQ_TOT] += 1` is how the data plane counts. Names and meanings are
HAProxy's CSV columns (management guide, section 9.1) where one exists.

A cell has one writer: the process whose column it is in. How the columns make one value, and who reads them while it works:

| cells | written by | one value | read by workers |
|---|---|---|---|
| totals | the worker that saw it happen | sum | |
| gauges | the worker that holds it | sum | `maxconn`, queues, loads: the sum of all workers |
| `queue_head_ms`, `resting` | the worker in which streams, or clients, wait | | whom to call when there is room |
| peaks of gauges | each worker, of the sum of all, whenever its own part grows | greatest | |
| peaks of rates | each worker, of the sum of all, when a second is over | greatest (`rates.py`) | |
| sliding sums | the worker that measured | sum over sum of samples (`averages.py`) | |
| `chkfail`, `chkdown`, `downtime_ms`, `hanafail`, `error_streak` | the master, which checks | sum | `error_streak` |
| `cpu_ms`, `dropped_logs`, `blocked`, `spliced_out` (row of the process) | each process, about itself | sum | |

A worker that dies leaves its column to its successor: totals and peaks stay, `GAUGES` begin anew at 0.
"""

from __future__ import annotations

from enum import Enum


class Merge(Enum):
    """How the columns of several workers make one value."""

    SUM = "sum"
    MAX = "max"


CELL_NAMES: tuple[str, ...] = (
    # gauges
    "scur", "qcur", "conn_cur",
    # peaks
    "smax", "qmax", "conn_max", "rate_max", "conn_rate_max", "req_rate_max",
    "qtime_max", "ctime_max", "rtime_max", "ttime_max",
    # totals
    "stot", "bin", "bout", "dreq", "dresp", "ereq", "econ", "eresp", "wretr", "wredis", "lbtot",
    "hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other",
    "req_tot", "cli_abrt", "srv_abrt", "conn_tot", "intercepted", "dcon", "dses", "wrew", "eint",
    "connect", "reuse", "hanafail", "chkfail", "chkdown", "downtime_ms",
    "h1_open_connections", "h1_open_streams", "h1_total_connections", "h1_total_streams", "h1_bytes_in", "h1_bytes_out",
    "h1_spliced_bytes_in", "h1_spliced_bytes_out",
    # moments: milliseconds on the monotonic clock, -1 = never
    "lastsess_ms",
    # sliding sums of the last 1024 values (see averages.py)
    "qtime_sum", "ctime_sum", "rtime_sum", "ttime_sum", "time_samples",
    # rates over one second: the second counted in, its count, the count of the one before (see rates.py)
    "rate_at", "rate_now", "rate_prev",
    "conn_rate_at", "conn_rate_now", "conn_rate_prev",
    "req_rate_at", "req_rate_now", "req_rate_prev",
    # the pool of idle server connections
    "idle_cur", "safe_cur", "used_cur", "used_max",
    # queues: when its oldest stream came, milliseconds on the monotonic clock, 0 = empty; how many were served from it
    "queue_head_ms", "dequeued",
    # 1 while clients are not accepted because a limit is reached
    "resting",
    # errors seen in a row in a server's traffic (observe)
    "error_streak",
    # of a process: processor time used, log lines that no target took
    "cpu_ms", "dropped_logs",
    # turns of a worker's loop that took too long
    "blocked",
    # of a process: octets sent without a copy
    "spliced_out",
)

CELLS = len(CELL_NAMES)
AVERAGE_WINDOW = 1024           # values that an average looks back on (averages.py)
INDEX: dict[str, int] = {name: index for index, name in enumerate(CELL_NAMES)}
MERGE: tuple[Merge, ...] = tuple(
    Merge.MAX if name.endswith(("max", "_at")) or name == "lastsess_ms" else Merge.SUM for name in CELL_NAMES
)

# What a process holds now, and with it loses.
GAUGES: tuple[int, ...] = tuple(INDEX[name] for name in (
    "scur", "qcur", "conn_cur", "h1_open_connections", "h1_open_streams", "idle_cur", "safe_cur", "used_cur", "queue_head_ms",
    "resting",
))

SCUR = INDEX["scur"]
QCUR = INDEX["qcur"]
CONN_CUR = INDEX["conn_cur"]
SMAX = INDEX["smax"]
QMAX = INDEX["qmax"]
CONN_MAX = INDEX["conn_max"]
STOT = INDEX["stot"]
BIN = INDEX["bin"]
BOUT = INDEX["bout"]
DREQ = INDEX["dreq"]
DRESP = INDEX["dresp"]
EREQ = INDEX["ereq"]
ECON = INDEX["econ"]
ERESP = INDEX["eresp"]
WRETR = INDEX["wretr"]
WREDIS = INDEX["wredis"]
LBTOT = INDEX["lbtot"]
HRSP_1XX = INDEX["hrsp_1xx"]
HRSP_OTHER = INDEX["hrsp_other"]
REQ_TOT = INDEX["req_tot"]
CLI_ABRT = INDEX["cli_abrt"]
SRV_ABRT = INDEX["srv_abrt"]
CONN_TOT = INDEX["conn_tot"]
INTERCEPTED = INDEX["intercepted"]
DCON = INDEX["dcon"]
DSES = INDEX["dses"]
WREW = INDEX["wrew"]
EINT = INDEX["eint"]
CONNECT = INDEX["connect"]
REUSE = INDEX["reuse"]
HANAFAIL = INDEX["hanafail"]
CHKFAIL = INDEX["chkfail"]
CHKDOWN = INDEX["chkdown"]
DOWNTIME_MS = INDEX["downtime_ms"]
H1_OPEN_CONNECTIONS = INDEX["h1_open_connections"]
H1_OPEN_STREAMS = INDEX["h1_open_streams"]
H1_TOTAL_CONNECTIONS = INDEX["h1_total_connections"]
H1_TOTAL_STREAMS = INDEX["h1_total_streams"]
H1_BYTES_IN = INDEX["h1_bytes_in"]
H1_BYTES_OUT = INDEX["h1_bytes_out"]
H1_SPLICED_BYTES_IN = INDEX["h1_spliced_bytes_in"]
H1_SPLICED_BYTES_OUT = INDEX["h1_spliced_bytes_out"]
LASTSESS_MS = INDEX["lastsess_ms"]
QTIME_SUM = INDEX["qtime_sum"]
CTIME_SUM = INDEX["ctime_sum"]
RTIME_SUM = INDEX["rtime_sum"]
TTIME_SUM = INDEX["ttime_sum"]
TIME_SAMPLES = INDEX["time_samples"]
QTIME_MAX = INDEX["qtime_max"]
CTIME_MAX = INDEX["ctime_max"]
RTIME_MAX = INDEX["rtime_max"]
TTIME_MAX = INDEX["ttime_max"]
RATE_AT = INDEX["rate_at"]
CONN_RATE_AT = INDEX["conn_rate_at"]
REQ_RATE_AT = INDEX["req_rate_at"]
RATE_MAX = INDEX["rate_max"]
CONN_RATE_MAX = INDEX["conn_rate_max"]
REQ_RATE_MAX = INDEX["req_rate_max"]
IDLE_CUR = INDEX["idle_cur"]
SAFE_CUR = INDEX["safe_cur"]
USED_CUR = INDEX["used_cur"]
USED_MAX = INDEX["used_max"]
QUEUE_HEAD_MS = INDEX["queue_head_ms"]
DEQUEUED = INDEX["dequeued"]
RESTING = INDEX["resting"]
ERROR_STREAK = INDEX["error_streak"]
CPU_MS = INDEX["cpu_ms"]
DROPPED_LOGS = INDEX["dropped_logs"]
BLOCKED = INDEX["blocked"]
SPLICED_OUT = INDEX["spliced_out"]
