"""Persistence by cookie: which server a client asks for, and how it is told which one it got.

Third letter of the termination state, what the client brought:
    N nothing   V a usable server's cookie   D that of a server that is down   I of no server here   E idle too long   O too old
Fourth letter, what the response did with it:
    N nothing   I cookie inserted   U dates renewed   P the server's own let through   R its value rewritten   D it was removed
A cookie that is only looked at (no mode, no `indirect`) shows "-" for both.
Source: HAProxy configuration manual, "cookie", and section 8.5 "Session state at disconnection".
"""

from __future__ import annotations

from collections.abc import Sequence

from proxy.base.octets import octets_of
from proxy.core import cookie_scan, cookie_text
from proxy.core.cacheability import is_cacheable
from proxy.core.http1.head import RequestHead, ResponseHead
from proxy.runtime.backend import Backend
from proxy.runtime.server import Server

PASSIVE, REWRITE, INSERT, PREFIX = "", "rewrite", "insert", "prefix"
SEPARATOR = b"~"                            # between server and value in prefix mode
DATE_SEPARATOR = b"|"
DAY_S = 86400
DATE_STEP_S = 4
DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
DATE_LENGTH = 5
SET_COOKIE = frozenset((b"set-cookie", b"set-cookie2"))

NOT_SHOWN = ord("-")
NONE, VALID, DOWN, INVALID, EXPIRED, OLD = b"NVDIEO"
INSERTED, UPDATED, PROVIDED, REWRITTEN, DELETED = b"IUPRD"


def encode_date(now_s: int) -> bytes:
    """A moment as five digits of base 64, in steps of four seconds, rounded up."""
    steps = (now_s + DATE_STEP_S - 1) // DATE_STEP_S
    return bytes([DIGITS[steps >> shift & 63] for shift in (24, 18, 12, 6, 0)])


def decode_date(text: bytes) -> int:
    """The moment in seconds; 0 for anything that is not such a date."""
    if len(text) != DATE_LENGTH:
        return 0
    steps = 0
    for digit in text:
        place = DIGITS.find(digit)
        if place < 0:
            return 0
        steps = steps << 6 | place
    return steps * DATE_STEP_S


class DatedFlag(int):
    """The letter of a valid cookie whose dates are to be renewed, and its first date, which stays (seconds; 0 = has none)."""

    first_s = 0


class CookiePolicy:
    """The `cookie` line of a backend at work; arguments are named as in `CookieSettings`."""

    __slots__ = (
        "_attributes", "_by_value", "_cuts", "_indirect", "_maxidle_s", "_maxlife_s", "_mode", "_name", "_nocache", "_postonly",
        "_preserve", "_scans", "_shown", "tells_time", "unanswered",
    )

    def __init__(
        self, name: str, mode: str = PASSIVE, *, indirect: bool = False, nocache: bool = False, postonly: bool = False,
        preserve: bool = False, httponly: bool = False, secure: bool = False, domains: Sequence[str] = (), maxidle_s: int = 0,
        maxlife_s: int = 0, attrs: Sequence[str] = (),
    ) -> None:
        self._name = octets_of(name)
        self._mode = mode
        self._indirect = indirect
        self._nocache = nocache
        self._postonly = postonly
        self._preserve = preserve
        self._maxidle_s = maxidle_s
        self._maxlife_s = maxlife_s
        self._shown = mode != PASSIVE or indirect
        self.unanswered = NONE if self._shown else NOT_SHOWN    # the fourth letter of a request that no server answered
        self._scans = mode != PREFIX                    # the plain kind of field needs no more than one look
        self._cuts = mode == INSERT and indirect
        self.tells_time = maxidle_s > 0 or maxlife_s > 0        # else `now_s` may be off by a little
        words = ["path=/", *(f"domain={domain}" for domain in domains)]
        words += ["HttpOnly"] * httponly + ["Secure"] * secure + list(attrs)
        self._attributes = octets_of("".join(f"; {word}" for word in words))
        self._by_value: dict[bytes, list[Server]] | None = None

    @property
    def name(self) -> bytes:
        """The cookie's name."""
        return self._name

    def servers_changed(self) -> None:
        """Servers were added or removed, or their cookies changed."""
        self._by_value = None

    # the request

    def read(self, head: RequestHead, backend: Backend, now_s: int) -> tuple[Server | None, int]:
        """The server that the request asks for, if it may be used, and the third letter; takes the cookie out as configured."""
        values = head.values_of(b"cookie")
        if not values:
            return None, NONE if self._shown else NOT_SHOWN
        if self._scans and len(values) == 1:
            scanned = cookie_scan.scan(values[0], self._name)
            if scanned is not None:
                found, left = scanned
                if found is None:
                    return None, NONE if self._shown else NOT_SHOWN
                if self._cuts:
                    head.replace_values(b"cookie", [left])
                server, flag = self._asked_for(found, NONE, backend, now_s)
                return server, flag if self._shown else NOT_SHOWN
        return self._read_any(head, values, backend, now_s)

    def _read_any(
        self, head: RequestHead, values: list[bytes], backend: Backend, now_s: int
    ) -> tuple[Server | None, int]:
        """`read` for whatever stands in Cookie fields."""
        server: Server | None = None
        flag: int = NONE
        told: list[bytes | None] = []
        for value in values:
            value = cookie_text.tidy(value)
            if self._name in value:
                parts = cookie_text.split_parts(value)
                named = [text for text, _ in parts if self._name in text]
                for text in named:
                    found = cookie_text.part_value(text, self._name)
                    if found is not None and server is None:
                        server, flag = self._asked_for(found, flag, backend, now_s)
                left = self._left_of(parts, named)
                told.append(None if left is None else left.strip(b" \t"))
            else:
                told.append(value)
        head.replace_values(b"cookie", told)
        return server, flag if self._shown else NOT_SHOWN

    def _asked_for(self, value: bytes, flag: int, backend: Backend, now_s: int) -> tuple[Server | None, int]:
        """The server that a cookie's value stands for; `flag` is what was found before."""
        first_s, renew = 0, False
        if self._mode == PREFIX:
            value = value.partition(SEPARATOR)[0]
        elif value.find(DATE_SEPARATOR) >= 0 or self._maxidle_s or self._maxlife_s:
            value, _, dates = value.partition(DATE_SEPARATOR)
            last, _, first = dates.partition(DATE_SEPARATOR)
            last_s, first_s = decode_date(last[:DATE_LENGTH]), decode_date(first[:DATE_LENGTH])
            if self._maxlife_s and first_s and self._is_over(first_s, self._maxlife_s, now_s):
                return None, OLD
            if self._maxidle_s and last_s and self._is_over(last_s, self._maxidle_s, now_s):
                return None, EXPIRED
            renew = self._mode == INSERT and self._wants_renewal(last_s, first_s, now_s)
        matching = self._servers_of(backend).get(value)
        if matching is None:
            return None, INVALID if flag == NONE else flag
        for server in matching:
            if server.is_up:
                return server, self._renewable(first_s) if renew else VALID
        return (matching[0] if backend.persist else None), DOWN

    def _is_over(self, then_s: int, limit_s: int, now_s: int) -> bool:
        return now_s - then_s > limit_s or then_s - now_s > DAY_S

    def _wants_renewal(self, last_s: int, first_s: int, now_s: int) -> bool:
        stale = last_s < now_s if last_s else self._maxidle_s > 0
        return stale or (first_s > 0) != (self._maxlife_s > 0)

    def _renewable(self, first_s: int) -> DatedFlag:
        flag = DatedFlag(VALID)
        flag.first_s = first_s
        return flag

    def _servers_of(self, backend: Backend) -> dict[bytes, list[Server]]:
        index = self._by_value
        if index is None:
            index = self._by_value = {}
            for server in backend.servers:
                if server.cookie:
                    index.setdefault(server.cookie, []).append(server)
        return index

    def _left_of(self, parts: cookie_text.Parts, named: list[bytes]) -> bytes | None:
        """What the server is to see of a Cookie field, of whose parts some have our name in them; None when nothing is left."""
        name = self._name
        if self._mode == PREFIX:
            return cookie_text.join_parts([(self._unprefixed(text), delimiter) for text, delimiter in parts])
        if self._mode == INSERT and self._indirect:
            doomed = {text for text in named if cookie_text.part_value(text, name) is not None}
            if doomed:
                return cookie_text.without(parts, doomed.__contains__)
        return cookie_text.join_parts(parts)

    def _unprefixed(self, text: bytes) -> bytes:
        value = cookie_text.part_value(text, self._name)
        if value is None or SEPARATOR not in value:
            return text
        return cookie_text.replace_value(text, value.partition(SEPARATOR)[2])

    # the response

    def write(self, head: ResponseHead, server: Server, asked: Server | None, flag: int, now_s: int, method: bytes) -> int:
        """Tell the client its server as configured; gives the fourth letter.

        `server` is the one that answered, `asked` and `flag` are what `read` gave (`asked` None after a redispatch).
        `now_s` matters only where the policy `tells_time`.
        """
        known = asked is server
        has_cookies = head.get(b"set-cookie") is not None or head.get(b"set-cookie2") is not None
        letter = self._treat_fields(head, server, known) if has_cookies else NONE
        if self._mode == INSERT and not (letter == PROVIDED or (self._postonly and method != b"POST")):
            renewed = known and isinstance(flag, DatedFlag)
            if renewed or not known:
                first_s = flag.first_s if isinstance(flag, DatedFlag) and renewed else 0
                self._insert(head, server, first_s, now_s, method)
                letter = UPDATED if renewed else INSERTED
        return letter if self._shown else NOT_SHOWN

    def _treat_fields(self, head: ResponseHead, server: Server, known: bool) -> int:
        """Do what is to be done with the server's own cookies of that name."""
        letter: int = NONE
        fields: list[tuple[bytes, bytes]] = []
        for key, value in head.fields:
            if key in SET_COOKIE:
                value = cookie_text.tidy_first(value)
                (text, delimiter), *attributes = cookie_text.split_parts(value)
                provided = cookie_text.part_value(text, self._name)
                if provided is not None:
                    letter, new_value = self._treatment(provided, server, known)
                    if letter == DELETED:
                        continue
                    if letter == REWRITTEN:
                        text = cookie_text.replace_value(text, new_value)
                        value = text + delimiter + cookie_text.join_parts(attributes)
            fields.append((key, value))
        head.fields[:] = fields
        return letter

    def _treatment(self, provided: bytes, server: Server, known: bool) -> tuple[int, bytes]:
        """The letter for one cookie of the server's, and its new value where it is rewritten."""
        if self._preserve:
            return PROVIDED, b""
        if self._mode == INSERT or (self._indirect and known):
            return DELETED, b""
        if self._mode == PASSIVE or not server.cookie:
            return PROVIDED, b""
        return REWRITTEN, server.cookie if self._mode == REWRITE else server.cookie + SEPARATOR + provided

    def _insert(self, head: ResponseHead, server: Server, first_s: int, now_s: int, method: bytes) -> None:
        may_be_cached = self._nocache and is_cacheable(method, head)
        if server.cookie:
            value = server.cookie + self._dates(first_s, now_s)
        else:
            value = b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT"
        head.append(b"set-cookie", self._name + b"=" + value + self._attributes)
        if may_be_cached:
            head.append(b"cache-control", b"private")

    def _dates(self, first_s: int, now_s: int) -> bytes:
        if not self._maxidle_s and not self._maxlife_s:
            return b""
        dates = DATE_SEPARATOR + encode_date(now_s)
        if self._maxlife_s:
            dates += DATE_SEPARATOR + encode_date(first_s or now_s)
        return dates
