"""A service answers HTTP requests inside the load balancer: the statistics page, the Prometheus exporter."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol


class ServiceRequest(NamedTuple):
    """What a service sees of a request: a parsed head, names in lower case, and a body that fits one buffer.

    `body` is None when the request had one that was too large; `client_address` is the client's IP.
    """

    method: bytes
    target: bytes
    version_minor: int
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes | None
    client_address: str
    body_error: str = ""                # "" or "too-large"

    def field(self, name: bytes) -> bytes | None:
        """The first value of a field, by lower-case name."""
        return next((value for key, value in self.fields if key == name), None)


class ServiceResponse(NamedTuple):
    """An answer. Octets leave with a content-length; an iterator leaves chunk by chunk, rendered as the client reads.

    The iterator of an answer that is made elsewhere gives None for a piece that is not there yet.
    """

    status: int
    fields: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes | Iterator[bytes | None] = b""


class PendingAnswer(Protocol):
    """An answer that is made elsewhere: `wake` is called when `response` is there, and for each piece that was missing."""

    response: ServiceResponse | None
    wake: Callable[[], None]

    def cancel(self) -> None:
        """Nobody waits for it any more."""


class Service(Protocol):
    """One service of a frontend.

    Contract: `matches` is cheap, keeps no state and is asked for each request; `respond` never blocks and never raises.
    """

    name: str                            # what the log shows as the server, e.g. "<STATS>"

    def matches(self, method: bytes, target: bytes) -> bool: ...

    def respond(self, request: ServiceRequest) -> ServiceResponse | PendingAnswer: ...
