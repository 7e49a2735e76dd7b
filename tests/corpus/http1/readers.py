"""What other implementations read in octets that this one has sent: h11 and llhttp (httptools), as strict as they are."""

from __future__ import annotations

from dataclasses import dataclass, field

import h11
import httptools


class Refused(Exception):
    """The other reader does not take these octets."""


@dataclass
class Read:
    """One message; `is_whole` is false where its end has not come yet."""

    start: tuple[bytes, ...]
    body: bytes = b""
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    is_whole: bool = False


def h11_requests(octets: bytes) -> list[Read]:
    """What h11 as a server reads, whatever number of requests there is.

    Raises: Refused.
    """
    connection, found = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 22), list[Read]()
    connection.receive_data(octets)
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA or (event is h11.PAUSED and connection.their_state is h11.MIGHT_SWITCH_PROTOCOL):
                return found
            if event is h11.PAUSED:
                if connection.their_state is not h11.DONE or connection.our_state is not h11.DONE:
                    return found
                connection.start_next_cycle()
            elif isinstance(event, h11.Request):
                found.append(Read((event.method, event.target), fields=list(event.headers)))
            elif isinstance(event, h11.Data):
                found[-1].body += event.data
            elif isinstance(event, h11.EndOfMessage):
                found[-1].is_whole = True
                if connection.their_http_version == b"1.0" or found[-1].start[0] == b"CONNECT":
                    return found                # h11 does not keep connections of HTTP/1.0; the rest is a tunnel's
                if connection.our_state is h11.SEND_RESPONSE:
                    connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                    connection.send(h11.EndOfMessage())
            else:
                return found
    except h11.RemoteProtocolError as error:
        raise Refused(str(error)) from error


def h11_responses(octets: bytes, method: bytes, is_closed: bool) -> list[Read]:
    """What h11 as a client reads: interim responses and the final one to a request of that method.

    Raises: Refused.
    """
    connection, found = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 22), list[Read]()
    connection.send(h11.Request(method=method, target="/", headers=[("host", "a"), ("connection", "upgrade"), ("upgrade", "x")]))
    connection.send(h11.EndOfMessage())
    try:
        connection.receive_data(octets)
        if is_closed:
            connection.receive_data(b"")
        while True:
            event = connection.next_event()
            if isinstance(event, h11.InformationalResponse | h11.Response):
                found.append(Read((b"%d" % event.status_code,), fields=list(event.headers)))
                found[-1].is_whole = isinstance(event, h11.InformationalResponse)
            elif isinstance(event, h11.Data):
                found[-1].body += event.data
            elif isinstance(event, h11.EndOfMessage):
                found[-1].is_whole = True
                return found
            else:
                return found
    except h11.RemoteProtocolError as error:
        if found and not found[-1].is_whole and "closed connection" in str(error):
            return found                        # cut, which is what it was to show
        raise Refused(str(error)) from error


class Keeper:
    """Keeps what llhttp tells."""

    def __init__(self) -> None:
        self.found: list[Read] = []
        self.parser: httptools.HttpRequestParser | httptools.HttpResponseParser

    def on_message_begin(self) -> None:
        self.found.append(Read((b"",)))

    def on_url(self, url: bytes) -> None:
        self.found[-1].start = (self.found[-1].start[0] + url,)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.found[-1].fields.append((name, value))

    def on_headers_complete(self) -> None:
        read = self.found[-1]
        if isinstance(self.parser, httptools.HttpRequestParser):
            read.start = (self.parser.get_method(), *read.start)
        else:
            read.start = (b"%d" % self.parser.get_status_code(),)

    def on_body(self, body: bytes) -> None:
        self.found[-1].body += body

    def on_message_complete(self) -> None:
        self.found[-1].is_whole = True


def httptools_requests(octets: bytes) -> list[Read]:
    """What llhttp reads as requests, up to one that asks for another protocol.

    Raises: Refused.
    """
    keeper = Keeper()
    keeper.parser = httptools.HttpRequestParser(keeper)
    try:
        keeper.parser.feed_data(octets)
    except httptools.HttpParserUpgrade:
        return keeper.found
    except httptools.HttpParserError as error:
        raise Refused(str(error)) from error
    return keeper.found


def httptools_responses(octets: bytes) -> list[Read]:
    """What llhttp reads as responses. It does not know which request they answer: HEAD and CONNECT are not for it.

    Raises: Refused.
    """
    keeper = Keeper()
    keeper.parser = httptools.HttpResponseParser(keeper)
    try:
        keeper.parser.feed_data(octets)
    except httptools.HttpParserUpgrade:
        return keeper.found
    except httptools.HttpParserError as error:
        raise Refused(str(error)) from error
    return keeper.found
