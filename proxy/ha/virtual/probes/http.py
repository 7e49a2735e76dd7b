"""`HTTP_GET`, `SSL_GET`: a URL is answered with the right status, digest or text."""

from __future__ import annotations

import hashlib
import re
import socket
from typing import TYPE_CHECKING

from proxy.ha.conf.routing import IpAddress
from proxy.ha.conf.services import CheckUrl, HttpCheck, TlsFiles
from proxy.ha.loop import Loop
from proxy.ha.virtual.probes.probe import Done, SocketProbe

if TYPE_CHECKING:
    import ssl

    import h11

MAX_OCTETS = 4 * 1024 * 1024
"""A body longer than this is a failure where it has to be read."""
AGENT = "pyproxy-ha"

# PCRE2's words for what Python's expressions have too.
_FLAGS = {"caseless": re.IGNORECASE, "dotall": re.DOTALL, "multiline": re.MULTILINE, "extended": re.VERBOSE}
# What changes nothing in how Python's expressions match octets, or only how fast.
_HARMLESS = frozenset({"no_auto_possess", "no_dotstar_anchor", "no_start_optimize", "never_ucp", "never_utf", "never_backslash_c",
                       "auto_callout", "use_offset_limit", "utf"})


def trouble(check: HttpCheck) -> list[str]:
    """What in a check cannot be done as written."""
    found = []
    for url in check.urls:
        found += [f"regex_options {each} is not there" for each in url.regex_options
                  if each not in _FLAGS and each not in _HARMLESS]
        try:
            _expression(url)
        except re.error as error:
            found.append(f"regex '{url.regex}': {error}")
    return found


def _expression(url: CheckUrl) -> re.Pattern[bytes]:
    flags = 0
    for option in url.regex_options:
        flags |= _FLAGS.get(option, 0)
    return re.compile(url.regex.encode("utf-8", "surrogateescape"), flags)


def request(check: HttpCheck, url: CheckUrl, address: IpAddress, port: int) -> bytes:
    """What is sent."""
    host = url.virtualhost or check.virtualhost
    if not host:
        name = f"[{address}]" if address.version == 6 else f"{address}"
        host = name if port == (443 if check.tls else 80) else f"{name}:{port}"
    version = "1.1" if check.http_protocol == "1.1" else "1.0"
    close = "" if check.http_protocol == "1.0" else "Connection: close\r\n"
    return (f"GET {url.path} HTTP/{version}\r\nUser-Agent: {AGENT}\r\nHost: {host}\r\n{close}\r\n"
            .encode("utf-8", "surrogateescape"))


class HttpProbe(SocketProbe):
    """Asks for one URL."""

    def __init__(self, loop: Loop, check: HttpCheck, url: CheckUrl, address: IpAddress, port: int, tls: TlsFiles,
                 done: Done) -> None:
        super().__init__(loop, check.basics, address, port, done)
        self._check, self._url, self._tls_files = check, url, tls
        self._tls: ssl.SSLSocket | None = None
        self._connection: h11.Connection | None = None
        self._status = 0
        self._body = bytearray()

    def connected(self, sock: socket.socket) -> None:
        if not self._check.tls:
            self._ask(sock)
            return
        import ssl  # a megabyte that only SSL_GET needs

        try:
            self._tls = _client_context(self._tls_files).wrap_socket(
                sock, do_handshake_on_connect=False,
                server_hostname=(self._url.virtualhost or self._check.virtualhost or None) if self._check.enable_sni else None)
        except (OSError, ssl.SSLError, ValueError) as error:
            self.finish(False, f"TLS: {error}")
            return
        self.socket = self._tls                 # wrap_socket takes the descriptor over
        self._shake_hands()

    def _shake_hands(self) -> None:
        import ssl

        sock = self._tls
        if sock is None or self.socket is None:
            return
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            self.loop.remove_writer(sock.fileno())
            self.loop.add_reader(sock.fileno(), self._shake_hands)
        except ssl.SSLWantWriteError:
            self.loop.add_writer(sock.fileno(), self._shake_hands)
        except OSError as error:
            self.finish(False, f"TLS handshake: {getattr(error, 'reason', None) or error.strerror or error}")
        else:
            self.loop.remove(sock.fileno())
            self._ask(sock)

    def _ask(self, sock: socket.socket) -> None:
        import h11

        self._connection = h11.Connection(h11.CLIENT)
        # What is sent is our own; h11 reads the answer and needs to know that something was asked.
        self._connection.send(h11.Request(method="GET", target="/", headers=[("Host", "x"), ("Connection", "close")]))
        self._connection.send(h11.EndOfMessage())
        if self.send(request(self._check, self._url, self.address, self.port)):
            self.loop.add_reader(sock.fileno(), self._read)
            self._read()

    def receive(self, octets: int = 65536) -> bytes | None:
        if self._tls is None:
            return super().receive(octets)
        import ssl

        if self.socket is None:
            return None
        try:
            return self._tls.recv(octets)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except ssl.SSLEOFError:
            return b""
        except OSError as error:
            self.finish(False, f"TLS: {getattr(error, 'reason', None) or error.strerror or error}")
            return None

    def _read(self) -> None:
        import h11

        connection = self._connection
        while connection is not None and (octets := self.receive()) is not None:
            try:
                connection.receive_data(octets)
                while self.socket is not None:
                    event = connection.next_event()
                    if event is h11.NEED_DATA or event is h11.PAUSED:
                        break
                    self._take(event)
            except h11.RemoteProtocolError as error:
                self.finish(False, f"no HTTP answer: {error}" if octets else "the connection ended before the answer did")
                return
            if self.socket is None:
                return
            if not octets:
                self.finish(False, "the connection ended before the answer did")
                return

    def _take(self, event: object) -> None:
        import h11

        if isinstance(event, h11.Response):
            self._status = event.status_code
            if not any(self._status in each for each in self._url.status_codes):
                self.finish(False, f"status {self._status} for {self._url.path}")
            elif not self._url.digest and not self._url.regex:
                self.finish(True, f"status {self._status} for {self._url.path}")
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > MAX_OCTETS:
                self.finish(False, f"{self._url.path} is longer than {MAX_OCTETS} octets")
        elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
            self.finish(*self._judge())

    def _judge(self) -> tuple[bool, str]:
        url = self._url
        if url.digest:
            digest = hashlib.md5(self._body, usedforsecurity=False).hexdigest()
            if digest != url.digest:
                return False, f"digest of {url.path} is {digest}"
        if url.regex:
            # Where a match may begin is bounded; how far it may reach is not.
            found = _expression(url).search(self._body, url.regex_min_offset)
            if found is not None and url.regex_max_offset is not None and found.start() > url.regex_max_offset:
                found = None
            if (found is not None) is url.regex_no_match:
                return False, f"regex {'matches' if found else 'does not match'} {url.path}"
        return True, f"status {self._status} for {url.path}"


def _client_context(files: TlsFiles) -> ssl.SSLContext:
    """What SSL_GET shows and asks. Without `ca` the server's certificate is not looked at: life is checked, not identity."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if files.ca:
        context.load_verify_locations(files.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if files.certificate:
        context.load_cert_chain(files.certificate, files.key or None, files.password or None)
    return context
