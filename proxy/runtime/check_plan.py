"""How a server is checked: everything a probe needs, resolved and compiled when the configuration is built."""

import re
from typing import Any, NamedTuple


class ConnectStep(NamedTuple):
    """Open a connection, to another `port` where one is given; `send_proxy`: the parts of a PROXY header, None = as planned."""

    port: int | None = None
    send_proxy: int | None = None


class SendStep(NamedTuple):
    """Send a whole request; `method` tells how its answer is framed.

    `state_at`: where in the octets a field goes that tells how the server is seen, 0 = nowhere.
    """

    octets: bytes
    method: bytes
    state_at: int = 0


class ExpectStep(NamedTuple):
    """What the answer must be like.

    Exactly one of `statuses` (ranges, ends included), `status_pattern`, `content` and `content_pattern` is set. `min_recv` is how
    many octets of the body must have come before it is judged (unless the server closes), -1 = any number.
    `ok_status`, `error_status`, `timeout_status` are the check statuses reported; `on_success`, `on_error` and `comment` go into
    the report.
    Source: HAProxy configuration manual, "http-check expect".
    """

    statuses: tuple[tuple[int, int], ...] | None = None
    status_pattern: re.Pattern[bytes] | None = None
    content: bytes | None = None
    content_pattern: re.Pattern[bytes] | None = None
    negated: bool = False
    min_recv: int = -1
    ok_status: str = "L7OK"
    error_status: str = "L7STS"
    timeout_status: str = "L7TOUT"
    on_success: str = ""
    on_error: str = ""
    comment: str = ""

    @property
    def needs_body(self) -> bool:
        return self.content is not None or self.content_pattern is not None


class ServicePlan(NamedTuple):
    """A talk in a service's own protocol; `kind` is a key of `health.services.SERVICES`.

    `user` logs in (mysql, pgsql), before MySQL 4.1 with `before_41`; `hello` is the first line said (smtp).
    """

    kind: str
    user: bytes = b""
    before_41: bool = False
    hello: bytes = b""


Step = ConnectStep | SendStep | ExpectStep


class CheckPlan(NamedTuple):
    """The checks of one server.

    `sockaddr` and `family` are the check's own address (`addr`), None = the server's; `port` replaces the port of either,
    None = as it is. Empty `steps` and no `service`: a connection is enough. `timeout_ms` 0 = not configured: `inter_ms` bounds
    the whole check.
    Units: times in milliseconds; None for `fastinter_ms` and `downinter_ms` = `inter_ms`.
    Source: HAProxy configuration manual, section 5.2 "inter", "timeout check".
    """

    inter_ms: int = 2000
    fastinter_ms: int | None = None
    downinter_ms: int | None = None
    connect_timeout_ms: int = 0
    timeout_ms: int = 0
    family: int = 0
    sockaddr: Any = None
    port: int | None = None
    send_proxy: int = 0
    steps: tuple[Step, ...] = ()
    service: ServicePlan | None = None
    disable_on_404: bool = False
    log_health_checks: bool = False
