"""What a client does in a scenario, step by step; what it sees goes into the outcome."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from tests.differential.lab import Lab, Outcome, wait_until
from tests.differential.wire import Stream, read_message


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do on the connection named `on`, which is opened to `place` when it is not there yet."""

    on: str = "client"
    place: str = "front"
    source: str = "127.0.0.1"

    def stream(self, lab: Lab) -> Stream:
        return lab.connections.get(self.on) or lab.connect(self.on, self.place, self.source)

    def do(self, lab: Lab, outcome: Outcome) -> None:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Send(Step):
    """Send octets."""

    octets: bytes

    def do(self, lab: Lab, outcome: Outcome) -> None:
        self.stream(lab).connection.sendall(self.octets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive(Step):
    """Read one response; `bodiless` when it answers a HEAD."""

    bodiless: bool = False

    def do(self, lab: Lab, outcome: Outcome) -> None:
        outcome.client.append(lab.shown(read_message(self.stream(lab), bodiless=self.bodiless)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveOctets(Step):
    """Read until these octets have come, whatever is before them."""

    until: bytes

    def do(self, lab: Lab, outcome: Outcome) -> None:
        outcome.client.append(self.stream(lab).read_until(self.until).decode("latin-1"))


@dataclass(frozen=True, slots=True, kw_only=True)
class End(Step):
    """Read until the other side ends."""

    def do(self, lab: Lab, outcome: Outcome) -> None:
        stream = self.stream(lab)
        was_reset = stream.read_to_end()
        outcome.client.append(("reset" if was_reset else "end", stream.rest().decode("latin-1")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shut(Step):
    """Close the client's writing side."""

    def do(self, lab: Lab, outcome: Outcome) -> None:
        with contextlib.suppress(OSError):      # the program may have cut the connection already; what comes next tells
            self.stream(lab).connection.shutdown(socket.SHUT_WR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(Step):
    """Close the connection; with `reset` cut it."""

    reset: bool = False

    def do(self, lab: Lab, outcome: Outcome) -> None:
        stream = self.stream(lab)
        del lab.connections[self.on]
        if self.reset:
            stream.reset()
        else:
            stream.connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Step):
    """Wait until a server has seen so many requests (raw servers: connections) in all."""

    server: str
    count: int = 1

    def do(self, lab: Lab, outcome: Outcome) -> None:
        origin = lab.origins[self.server]
        wait_until(lambda: origin.asked >= self.count, f"{self.server} to be asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release(Step):
    """Let a server go on whose script is held; what the program has been sent before, it has seen by then."""

    server: str

    def do(self, lab: Lab, outcome: Outcome) -> None:
        lab.statistics()                        # a whole exchange: the program's loop has turned since
        lab.origins[self.server].release()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shows(Step):
    """Wait until the statistics show a value in a row's column."""

    row: str
    column: str
    value: str

    def do(self, lab: Lab, outcome: Outcome) -> None:
        wait_until(lambda: lab.statistics()[self.row][self.column] == self.value, f"{self.row} {self.column} = {self.value}")


def ask(
    target: str = "/",
    *fields: str,
    method: str = "GET",
    version: str = "HTTP/1.1",
    body: bytes = b"",
    on: str = "client",
    place: str = "front",
    source: str = "127.0.0.1",
    host: str = "www.example.com",
) -> list[Step]:
    """A request and its response."""
    return [
        Send(
            octets=request(target, *fields, method=method, version=version, body=body, host=host),
            on=on,
            place=place,
            source=source,
        ),
        Receive(on=on, bodiless=method == "HEAD"),
    ]


def request(
    target: str = "/",
    *fields: str,
    method: str = "GET",
    version: str = "HTTP/1.1",
    body: bytes = b"",
    host: str = "www.example.com",
) -> bytes:
    lines = [f"{method} {target} {version}"]
    lines += [f"Host: {host}"] if host else []
    lines += fields
    if body and not any(field.lower().startswith(("content-length:", "transfer-encoding:")) for field in fields):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def fresh(target: str = "/", *fields: str, count: int = 1, place: str = "front", **options: str) -> list[Step]:
    """The same request on so many connections, one after the other, each at its end before the next one."""
    steps: list[Step] = []
    on = options.get("on", "client")
    for _ in range(count):
        steps += ask(target, *fields, "Connection: close", place=place, **options)  # type: ignore[arg-type]
        steps += [End(on=on), Drop(on=on)]
    return steps


def flat(*steps: Step | Sequence[Step]) -> tuple[Step, ...]:
    result: list[Step] = []
    for step in steps:
        if isinstance(step, Step):
            result.append(step)
        else:
            result.extend(step)
    return tuple(result)
