"""The octets and words of HTTP/1, as explicit tables: nothing here depends on locale, Unicode or `str`.

Every pattern is linear: repeats of one class are possessive, and the groups that repeat have branches that differ in their
first octet. No group is possessive: early releases of Python 3.11 match those wrongly (CPython issue 106052).
Source: RFC 9110 §5.5, §5.6.2; RFC 9112 §2.3, §3, §4, §5.
"""

from __future__ import annotations

import re

TCHARS = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""The octets of a token (RFC 9110 §5.6.2)."""

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
TARGET = rb"[\x21\x22\x24-\x7e]++"                 # visible ASCII without "#": a fragment never travels (RFC 9112 §3.2)
TEXT = rb"[\t\x20-\x7e\x80-\xff]*+"                # what field values and reason phrases are made of

END_OF_HEAD = b"\r\n\r\n"

# The plain forms: what the fast reader takes. It leaves everything else to h11.
PLAIN_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") (" + TARGET + rb") HTTP/1\.([01])\r\n")
PLAIN_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2}) (" + TEXT + rb")\r\n")
PLAIN_FIELD_LINES = re.compile(rb"(" + TOKEN + rb"):[ \t]*+(" + TEXT + rb")(?<![ \t])\r\n|(?s:.)++")
"""One field line; what is none, and all behind it, is one last match without a name."""

# The general forms: what may be read at all.
REQUEST_LINE = re.compile(TOKEN + rb" " + TARGET + rb" HTTP/([0-9])\.([0-9])\r\n")
STATUS_LINE = re.compile(rb"HTTP/1\.[0-9] [1-9][0-9]{2}(?: " + TEXT + rb")?\r\n")
LOOSE_LINE = re.compile(rb"\r(?!\n)|(?<!\r)\n|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\n[ \t]")
"""What h11 would let pass: a bare CR or LF, a control octet, a folded line (RFC 9112 §2.2, §5.2; RFC 9110 §5.5)."""
TRAILER_LINE = re.compile(rb"(" + TOKEN + rb"):[ \t]*+(" + TEXT + rb")\r\n")

QUOTED = rb'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]++|\\[\t\x20-\x7e\x80-\xff])*"'
"""A quoted string (RFC 9110 §5.6.4)."""
CHUNK_EXTENSIONS = rb";(?:[\t\x20\x21\x23-\x7e\x80-\xff]++|" + QUOTED + rb")*"
"""Nothing is made of extensions, but what is in quotes ends there: no reader shall look for the end of a line inside them."""
CHUNK_LINE = re.compile(rb"((?=[0-9A-Fa-f])0*+[0-9A-Fa-f]{0,16}+)[ \t]*+(?:" + CHUNK_EXTENSIONS + rb")?\r\n")
"""A chunk's size and extensions: 16 significant digits at most; white space before ";" or CRLF only (RFC 9112 §7.1)."""
NEXT_CHUNK = re.compile(rb"\r\n" + CHUNK_LINE.pattern)
"""The end of one chunk, and the size line of the next in any form."""
PLAIN_FIRST_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15}+)\r\n")
"""A chunk's size line in the form that is nearly all traffic; never too large a size."""
PLAIN_NEXT_CHUNK = re.compile(rb"\r\n([0-9A-Fa-f]{1,15}+)\r\n")
"""The end of one chunk and the size line of the next, likewise."""

LENGTH_DIGITS = 19
LENGTH = re.compile(rb"[0-9]{1,19}")
LARGEST_LENGTH = (1 << 63) - 1

# Authorities (RFC 3986 §3.2.2, without userinfo; "," is left out of reg-name: it would read as a list of two hosts).
PLAIN_HOST = re.compile(rb"[0-9A-Za-z._\-]*+(?::[0-9]{0,4}+)?")
HOST = re.compile(
    rb"((?:[0-9A-Za-z._~\-!$&'()*+;=]|%[0-9A-Fa-f]{2})*|\[[0-9A-Fa-f:.]++\]|\[[Vv][0-9A-Fa-f]++\.[0-9A-Za-z._~\-!$&'()*+,;=:]++\])"
    rb"(?::([0-9]{0,5}+))?"
)
ABSOLUTE_FORM = re.compile(rb"[A-Za-z][0-9A-Za-z+.\-]*+://([^/?\\]++)(?:[/?]" + rb"[\x21\x22\x24-\x7e]*+)?")

HOP_BY_HOP = frozenset((
    b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"http2-settings",
))
"""Fields that speak to the next hop only (RFC 9110 §7.6.1)."""

SPECIAL_IN_REQUESTS = HOP_BY_HOP | {b"host", b"content-length", b"expect", b"max-forwards"}
SPECIAL_IN_RESPONSES = HOP_BY_HOP | {b"content-length"}
RARE_IN_REQUESTS = SPECIAL_IN_REQUESTS - {b"host", b"connection"}
RARE_IN_RESPONSES = SPECIAL_IN_RESPONSES - {b"connection", b"content-length"}
"""What `facts` settles field by field: heads with none of these, and no name twice, are nearly all traffic."""

NEVER_HOP_BY_HOP = frozenset((b"host", b"origin", b"sec-fetch-site"))
"""What a Connection field cannot take away, whatever it names: where a request goes to, and where it comes from."""

NEVER_TRAILERS = SPECIAL_IN_REQUESTS | {
    b"age", b"authorization", b"cache-control", b"content-encoding", b"content-range", b"content-type", b"cookie", b"date",
    b"expires", b"forwarded", b"if-match", b"if-modified-since", b"if-none-match", b"if-range", b"if-unmodified-since",
    b"location", b"pragma", b"proxy-authenticate", b"proxy-authorization", b"range", b"retry-after", b"set-cookie", b"vary",
    b"via", b"warning", b"www-authenticate", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-original-to",
    b"x-real-ip",
}
"""Fields that frame, route, authenticate, control or describe a message: dropped where they are trailers (RFC 9110 §6.5.1)."""
