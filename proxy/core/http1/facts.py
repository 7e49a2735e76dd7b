"""From field lines to facts: framing, persistence, authority, expectations (RFC 9112 §6, §9; RFC 9110 §7, §10.1).

Both readers end here, so there is one meaning. A field that speaks to this hop becomes a fact and leaves the list; the rest
goes on with its name in lower case. The first loop knows two names by heart; the others that matter are put aside and settled
after it.
"""

from __future__ import annotations

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.authority import absolute_authority, check_host
from proxy.core.http1.head import Fields, RequestHead, ResponseHead
from proxy.core.http1.limits import Limits
from proxy.core.http1.tables import (
    LARGEST_LENGTH,
    LENGTH,
    LENGTH_DIGITS,
    NEVER_HOP_BY_HOP,
    SPECIAL_IN_REQUESTS,
    SPECIAL_IN_RESPONSES,
)

BAD_GATEWAY = 502

CLOSE = 1
KEEP_ALIVE = 2
UPGRADE = 4
OTHER = 8

PLAIN_CONNECTIONS = {
    b"keep-alive": KEEP_ALIVE, b"Keep-Alive": KEEP_ALIVE, b"close": CLOSE, b"Close": CLOSE,
    b"Upgrade": UPGRADE, b"upgrade": UPGRADE, b"keep-alive, Upgrade": KEEP_ALIVE | UPGRADE,
}
"""The Connection values that are nearly all traffic, and what they ask for."""

HTTP2 = (b"h2c", b"h2")

OPTIONS = {b"close": CLOSE, b"keep-alive": KEEP_ALIVE, b"upgrade": UPGRADE, b"te": 0, b"http2-settings": 0, b"": 0}


def request_head(method: bytes, target: bytes, minor: int, pairs: Fields, limits: Limits) -> RequestHead:
    """The head these lines make, its hop-by-hop fields turned into facts.

    Raises: RemoteProtocolError with 400, 413, 417 or 501.
    """
    head = RequestHead()
    head.method = method
    head.target = target
    head.version_minor = minor
    fields: Fields = []
    aside: Fields = []
    hosts = 0
    host = connection = b""
    for name, value in pairs:
        name = name.lower()
        if name not in SPECIAL_IN_REQUESTS:
            fields.append((name, value))
        elif name == b"host":
            hosts += 1
            host = value
            fields.append((name, value))
        elif name == b"connection":
            connection = connection + b"," + value if connection else value
        else:
            aside.append((name, value))
    if hosts != 1 and (hosts or minor):
        raise RemoteProtocolError("more than one Host" if hosts else "no Host")
    check_host(host)
    head.host = host
    head.fields = fields
    if target[0] != 47 or method == b"CONNECT":
        route(head)
    asked = connection_facts(head, connection, 400)
    if aside:
        settle_request(head, aside, asked, limits)
    return head


def settle_request(head: RequestHead, aside: Fields, asked: int, limits: Limits) -> None:
    """Apply the rarer fields to a request: body, expectation, upgrade, TE, Max-Forwards."""
    codings = 0
    length = b""
    for name, value in aside:
        if name == b"content-length":
            length = agreed_length(length, value, 400)
        elif name == b"transfer-encoding":
            codings += 1
            if codings > 1 or value.lower() != b"chunked":
                raise RemoteProtocolError("transfer coding other than one chunked", 501)
        elif name == b"expect":
            if value.lower() != b"100-continue":
                raise RemoteProtocolError("unknown expectation", 417)
            head.expect_continue = head.version_minor == 1
        elif name == b"upgrade":
            if asked & UPGRADE and head.version_minor == 1:
                head.upgrade = wanted_protocols(head.upgrade, value)
        elif name == b"te":
            head.te_trailers = head.te_trailers or has_member(value, b"trailers")
        elif name == b"max-forwards":
            max_forwards(head, value)
    if length:
        head.content_length = checked_length(length, 400)
    if codings:
        frame_chunked(head)
        head.fields.extend([pair for pair in aside if pair[0] == b"trailer"])
    if head.chunked or head.content_length > 0:
        if head.method == b"CONNECT":
            raise RemoteProtocolError("CONNECT with a body")        # RFC 9110 §9.3.6: what follows may be the tunnel's
        head.upgrade = b""      # as HAProxy: what follows the head is a body, not the other protocol
        if not head.version_minor and head.method in (b"GET", b"HEAD", b"DELETE") and not limits.payload_with_any_method:
            raise RemoteProtocolError("HTTP/1.0 payload that old servers would take for a request", 413)


def frame_chunked(head: RequestHead) -> None:
    """Let Transfer-Encoding frame the request, whatever Content-Length says.

    Source: RFC 9112 §6.1 (not in HTTP/1.0), §6.3 (chunked overrides a length, and the connection closes after it).
    """
    if not head.version_minor:
        raise RemoteProtocolError("Transfer-Encoding in HTTP/1.0")
    head.chunked = True
    if head.content_length >= 0:
        head.content_length = -1
        head.keep_alive = False


def route(head: RequestHead) -> None:
    """Check a target that is not a path, and take the authority in force from it (RFC 9112 §3.2)."""
    target = head.target
    if head.method == b"CONNECT":
        colon = target.rfind(b":")
        if colon < 1 or colon + 1 == len(target) or target.endswith(b"]"):
            raise RemoteProtocolError("CONNECT without host and port")
        check_host(target)
        authority = target
    elif target == b"*":
        if head.method != b"OPTIONS":
            raise RemoteProtocolError("asterisk-form is for OPTIONS")
        return
    else:
        authority = absolute_authority(target)
        if head.method == b"OPTIONS" and len(target) == target.index(b"://") + 3 + len(authority):
            head.target = b"*"          # no path, no query: the server itself is meant (RFC 9112 §3.2.4)
    head.host = authority
    head.fields = [(name, authority) if name == b"host" else (name, value) for name, value in head.fields]


def max_forwards(head: RequestHead, value: bytes) -> None:
    """Count down Max-Forwards where a proxy must (RFC 9110 §7.6.2); what is not a number goes on as it came."""
    if head.method in (b"OPTIONS", b"TRACE") and LENGTH.fullmatch(value):
        left = int(value)
        head.max_forwards = left if head.max_forwards < 0 else min(left, head.max_forwards)
        value = b"%d" % (left - 1 if left else 0)
    head.fields.append((b"max-forwards", value))


def response_head(minor: int, status: int, reason: bytes, pairs: Fields, request_method: bytes) -> ResponseHead:
    """The head these lines make, its hop-by-hop fields turned into facts.

    Raises: RemoteProtocolError with 502.
    """
    head = ResponseHead()
    head.version_minor = minor
    head.status = status
    head.reason = reason
    fields: Fields = []
    aside: Fields = []
    connection = b""
    for name, value in pairs:
        name = name.lower()
        if name not in SPECIAL_IN_RESPONSES:
            fields.append((name, value))
        elif name == b"connection":
            connection = connection + b"," + value if connection else value
        else:
            aside.append((name, value))
    head.fields = fields
    asked = connection_facts(head, connection, BAD_GATEWAY)
    if aside:
        settle_response(head, aside, asked)
    frame_response(head, request_method)
    return head


def frame_response(head: ResponseHead, request_method: bytes) -> None:
    """Settle whether a body follows, when all that the fields say of it is known.

    Raises: RemoteProtocolError with 502.
    """
    status = head.status
    if status < 200 or status == 204 or (request_method == b"CONNECT" and status < 300):
        if head.chunked or head.content_length > 0:
            head.keep_alive = False     # no body may follow, yet one was announced: what follows is not to be trusted
        head.chunked = False
        head.content_length = -1
        head.no_body = True
    elif status == 304 or request_method == b"HEAD":
        head.no_body = True
    elif not head.chunked and head.content_length < 0:
        head.keep_alive = False
    if status == 101 and not head.upgrade:
        raise RemoteProtocolError("101 without Upgrade", BAD_GATEWAY)


def settle_response(head: ResponseHead, aside: Fields, asked: int) -> None:
    """Apply the rarer fields to a response: body and upgrade."""
    codings = 0
    length = b""
    for name, value in aside:
        if name == b"content-length":
            length = agreed_length(length, value, BAD_GATEWAY)
        elif name == b"transfer-encoding":
            codings += 1
            if codings > 1 or value.lower() != b"chunked":
                raise RemoteProtocolError("transfer coding other than one chunked", BAD_GATEWAY)
        elif name == b"upgrade" and asked & UPGRADE and head.status in (101, 426):
            head.upgrade = head.upgrade + b", " + value if head.upgrade else value
    if length:
        head.content_length = checked_length(length, BAD_GATEWAY)
    if codings:
        head.chunked = True
        if length or not head.version_minor:
            head.content_length = -1
            head.keep_alive = False
        head.fields.extend([pair for pair in aside if pair[0] == b"trailer"])


def agreed_length(known: bytes, value: bytes, status: int) -> bytes:
    """The digits of a Content-Length value, if they are the same as those known so far (b"": none known).

    Raises: RemoteProtocolError with `status`.
    Source: RFC 9112 §6.3; RFC 9110 §8.6 (a list of one number repeated may be taken as that number).
    """
    if not known and value.isdigit() and len(value) <= LENGTH_DIGITS:
        return value
    for member in value.split(b","):
        digits = member.strip(b" \t")
        if LENGTH.fullmatch(digits) is None:
            raise RemoteProtocolError("invalid Content-Length", status)
        if known and known != digits:
            raise RemoteProtocolError("differing Content-Length", status)
        known = digits
    return known


def checked_length(digits: bytes, status: int) -> int:
    """The number these digits are.

    Raises: RemoteProtocolError with `status` for one that would not fit a signed counter.
    """
    length = int(digits)
    if length > LARGEST_LENGTH:
        raise RemoteProtocolError("Content-Length too large", status)
    return length


def connection_facts(head: RequestHead | ResponseHead, connection: bytes, status: int) -> int:
    """Settle `keep_alive`, take away the fields that Connection names, and say what it asked for (CLOSE, UPGRADE, ...).

    Source: RFC 9110 §7.6.1; RFC 9112 §9.3.
    """
    asked = PLAIN_CONNECTIONS.get(connection, -1) if connection else 0
    if asked < 0:
        asked = 0
        named: set[bytes] = set()
        for member in connection.lower().split(b","):
            member = member.strip(b" \t")
            known = OPTIONS.get(member, -1)
            if known >= 0:
                asked |= known
            elif member not in NEVER_HOP_BY_HOP:
                named.add(member)
        if named:
            head.fields = [pair for pair in head.fields if pair[0] not in named]
    head.keep_alive = not asked & CLOSE if head.version_minor else asked & (CLOSE | KEEP_ALIVE) == KEEP_ALIVE
    return asked


def wanted_protocols(known: bytes, value: bytes) -> bytes:
    """The protocols to ask the server for: those asked of us but HTTP/2, which this hop would not understand."""
    members = [member for raw in value.split(b",") if (member := raw.strip(b" \t")) and protocol_name(member) not in HTTP2]
    wanted = b", ".join(members)
    return known + b", " + wanted if known and wanted else known or wanted


def protocol_name(member: bytes) -> bytes:
    """The name of a protocol in an Upgrade list, in lower case and without its version."""
    return member.partition(b"/")[0].lower()


def has_member(value: bytes, member: bytes) -> bool:
    """Whether a comma-separated list holds a member, whatever its case."""
    return member in [raw.strip(b" \t") for raw in value.lower().split(b",")]
