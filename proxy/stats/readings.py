"""One row read at one instant: the counters of a frontend, listener, server or backend, and what its fields make of them.

A reader takes a `Reading` and gives a number, a text, or None where the field does not apply: the CSV leaves it empty then.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from proxy.base.addresses import Address, Family
from proxy.runtime.board import merged
from proxy.runtime.cells import AVERAGE_WINDOW, DOWNTIME_MS, INDEX, LASTSESS_MS, TIME_SAMPLES
from proxy.runtime.frontend import Frontend, Listener
from proxy.runtime.process import Process, row_key
from proxy.runtime.rates import rate_read
from proxy.runtime.server import WEIGHT_SCALE, Server
from proxy.runtime.states import DRAIN, MAINT, Operational
from proxy.runtime.status_text import Status, backend_status, status

Value = int | str | None


class Kind(Enum):
    """What a row counts for; the value is the letter of the typed output.

    `number` is the CSV's "type" column, `word` what the JSON calls it, `scope` the Prometheus prefix.
    """

    FRONTEND = "F"
    BACKEND = "B"
    SERVER = "S"
    LISTENER = "L"

    @property
    def number(self) -> int:
        return "FBSL".index(self.value)

    @property
    def word(self) -> str:
        return {"F": "Frontend", "B": "Backend", "S": "Server", "L": "Listener"}[self.value]

    @property
    def scope(self) -> str:
        return self.word.lower()


class CheckResult(Protocol):
    """What the statistics need to know of a health check (kept by `proxy.health` in `server.check_result`).

    Units: `duration_ms` in milliseconds, -1 = not measured.
    """

    status: str                 # "L7OK", "INI", …
    duration_ms: int
    description: str            # what was read, or the error's text: hostile
    running: bool

    @property
    def shown_status(self) -> str:
        """The status, after "* " while a check runs."""

    @property
    def shown_code(self) -> int | None:
        """What the server answered with, None where the status comes without."""

    @property
    def meaning(self) -> str:
        """The status in words."""

    @property
    def summary(self) -> str:
        """Status, code and duration: "L7OK/200 in 1ms"."""


class Reading:
    """The snapshot of one row; `rows` are its cells in every worker's column, `cells` their totals."""

    __slots__ = ("cells", "is_http", "kind", "legends", "now_ms", "proxy", "rows", "subject", "_status")

    def __init__(self, process: Process, kind: Kind, subject: Any, now_ms: int, legends: bool = True) -> None:
        self.kind = kind
        self.subject = subject
        self.proxy = _proxy_of(kind, subject)
        self.is_http = self.proxy.is_http
        self.now_ms = now_ms
        self.legends = legends
        board = process.board
        self._status: Status | None = None
        if board.columns == 1:
            self.rows: tuple[Any, ...] = (subject.counters,)
        else:
            self.rows = board.rows(row_key(subject))
        self.cells: list[int] = merged(self.rows)

    @property
    def status(self) -> Status:
        """The word for the state and the row's class, found once."""
        if self._status is None:
            self._status = _STATUS[self.kind](self.subject)
        return self._status

    @property
    def service_name(self) -> str:
        """What the CSV calls "svname"."""
        if self.kind is Kind.SERVER:
            return str(self.subject.name)
        return listener_name(self.subject) if self.kind is Kind.LISTENER else self.kind.name

    @property
    def check(self) -> CheckResult | None:
        """The result of the health check, while there is one that counts."""
        server = self.subject
        if server.check is None or server.check_disabled or server.admin & MAINT:
            return None
        result: CheckResult | None = server.check_result
        return result

    def rate(self, at: int) -> int:
        """Events in the second that ends now, over all workers."""
        return sum(rate_read(row, at, self.now_ms) for row in self.rows)

    def average(self, sum_cell: int) -> int:
        """The average of the last values, rounded up, over all workers."""
        count = sum(min(row[TIME_SAMPLES], AVERAGE_WINDOW) for row in self.rows)
        return int((sum(row[sum_cell] for row in self.rows) + count - 1) // count) if count else 0


Reader = Callable[[Reading], Value]


def _proxy_of(kind: Kind, subject: Any) -> Any:
    if kind is Kind.SERVER:
        return subject.backend
    return subject.frontend if kind is Kind.LISTENER else subject


def listener_name(listener: Listener) -> str:
    """The name of its `bind` line, or HAProxy's "sock-N"."""
    return listener.name or f"sock-{listener.lid}"


# -- status ---------------------------------------------------------------------------------------------------------


def _frontend_status(frontend: Frontend) -> Status:
    if frontend.stopped:
        return Status("STOP", "down")
    return Status("PAUSED", "nolb") if frontend.paused else Status("OPEN", "up")


def _listener_status(listener: Listener) -> Status:
    if listener.paused:
        return Status("WAITING", "nolb")
    full = listener.maxconn > 0 and listener.served_by_all() >= listener.maxconn
    return Status("FULL", "going_down") if full else Status("OPEN", "up")


_STATUS: dict[Kind, Callable[[Any], Status]] = {
    Kind.FRONTEND: _frontend_status, Kind.LISTENER: _listener_status, Kind.SERVER: status, Kind.BACKEND: backend_status,
}


def server_state(server: Server) -> str:
    """One of the five states that Prometheus counts: DOWN, UP, MAINT, DRAIN, NOLB."""
    if server.admin & MAINT:
        return "MAINT"
    if server.operational is Operational.STOPPED:
        return "DOWN"
    if server.admin & DRAIN:
        return "DRAIN"
    return "NOLB" if server.operational is Operational.STOPPING else "UP"


# -- readers that several kinds share ---------------------------------------------------------------------------------


def rate(at_name: str) -> Reader:
    """Events per second counted in the three cells that begin with this one."""
    at = INDEX[at_name]
    return lambda reading: reading.rate(at)


def average(sum_name: str) -> Reader:
    """The average of the last 1024 values.  Units: milliseconds."""
    cell = INDEX[sum_name]
    return lambda reading: reading.average(cell)


def attribute(name: str) -> Reader:
    """A number that the configuration gave the subject."""
    return lambda reading: int(getattr(reading.subject, name))


def limit(name: str) -> Reader:
    """A configured limit, absent where it is 0."""
    return lambda reading: int(getattr(reading.subject, name)) or None


def proxy_name(reading: Reading) -> Value:
    return str(reading.proxy.name)


def service_name(reading: Reading) -> Value:
    return reading.service_name


def status_word(reading: Reading) -> Value:
    return reading.status.word


def proxy_id(reading: Reading) -> Value:
    return int(reading.proxy.iid)


def kind_number(reading: Reading) -> Value:
    return reading.kind.number


def mode(reading: Reading) -> Value:
    if reading.is_http:
        return "http"
    return "health" if getattr(reading.proxy, "is_health", False) else "tcp"


def last_change_s(reading: Reading) -> Value:
    return max(0, reading.now_ms - int(reading.subject.last_change_ms)) // 1000


def last_session_s(reading: Reading) -> Value:
    moment_ms = reading.cells[LASTSESS_MS]
    return max(0, reading.now_ms - moment_ms) // 1000 if moment_ms > 0 else -1


def downtime_s(reading: Reading) -> Value:
    """Time spent down, the present fall included; absent where nothing can make the subject fall."""
    subject = reading.subject
    counts = subject.check is not None if reading.kind is Kind.SERVER else bool(subject.servers)
    if not counts:
        return None
    now_down_ms = reading.now_ms - subject.down_since_ms if subject.down_since_ms >= 0 else 0
    return (reading.cells[DOWNTIME_MS] + now_down_ms) // 1000


def http1_octets(name: str) -> Reader:
    """Octets of a frontend's clients: all of them in HTTP mode, which speaks nothing else, and none in TCP mode."""
    cell = INDEX[name]
    return lambda reading: reading.cells[cell] if reading.is_http else 0


# -- servers ------------------------------------------------------------------------------------------------------------


def checked_cell(name: str) -> Reader:
    """A counter that only a checked server has."""
    cell = INDEX[name]

    def read(reading: Reading) -> Value:
        return None if reading.subject.check is None else reading.cells[cell]

    return read


def server_weight(reading: Reading) -> Value:
    return int(-(-reading.subject.effective_weight // WEIGHT_SCALE))


def server_is_active(reading: Reading) -> Value:
    return 0 if reading.subject.is_backup else 1


def server_is_backup(reading: Reading) -> Value:
    return 1 if reading.subject.is_backup else 0


def throttle_percent(reading: Reading) -> Value:
    server = reading.subject
    return int(server.ramp) * 100 // WEIGHT_SCALE if server.operational is Operational.STARTING else None


def tracked(reading: Reading) -> Value:
    followed = reading.subject.track
    return None if followed is None else f"{followed.backend.name}/{followed.name}"


def idle_limit(reading: Reading) -> Value:
    limit_value = int(reading.subject.pool_max_conn)
    return limit_value if limit_value >= 0 else None


def check_status(reading: Reading) -> Value:
    result = reading.check
    return None if result is None else result.shown_status


def check_code(reading: Reading) -> Value:
    result = reading.check
    return None if result is None else result.shown_code


def check_duration_ms(reading: Reading) -> Value:
    result = reading.check
    return None if result is None or result.duration_ms < 0 else result.duration_ms


def check_text(reading: Reading) -> Value:
    result = reading.check
    return None if result is None else result.description


def check_meaning(reading: Reading) -> Value:
    result = reading.check
    return None if result is None else result.meaning


def when_checked(name: str) -> Reader:
    """A number of the server that matters while its checks run."""
    return lambda reading: None if reading.check is None else int(getattr(reading.subject, name))


# -- backends -----------------------------------------------------------------------------------------------------------


def backend_weight(reading: Reading) -> Value:
    return -(-int(reading.subject.weight_in_use) // WEIGHT_SCALE)


def backend_user_weight(reading: Reading) -> Value:
    return int(sum(server.user_weight for server in reading.subject.carriers()))


def backend_cookie(reading: Reading) -> Value:
    policy = reading.subject.cookie
    return None if policy is None else as_text(policy.name)


def algorithm(reading: Reading) -> Value:
    balancer = reading.subject.balancer
    return None if balancer is None else str(balancer.algorithm)


def server_cookie(reading: Reading) -> Value:
    return as_text(reading.subject.cookie) or None


# -- addresses ----------------------------------------------------------------------------------------------------------


def as_text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def server_address(reading: Reading) -> Value:
    server = reading.subject
    return _socket_text(server.sockaddr) or _address_text(server.address)


def listener_address(reading: Reading) -> Value:
    listener = reading.subject
    return _socket_text(listener.bound) or _address_text(listener.address)


def _socket_text(sockaddr: Any) -> str:
    """A socket's address as the CSV has it; "" when there is none."""
    if isinstance(sockaddr, tuple):
        host, port = sockaddr[0], sockaddr[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return "unix" if sockaddr else ""


def _address_text(address: Address) -> str:
    return "unix" if address.family in (Family.UNIX, Family.ABSTRACT) else str(address)
