"""May a cache keep this response? Asked before a cookie is put into it (`cookie … nocache`).

HAProxy's own answer, which is narrower than RFC 9111's: only a response that says how long it is fresh, or that can be
revalidated, counts; later directives overrule earlier ones.
"""

from __future__ import annotations

from proxy.core.http1.head import ResponseHead

METHODS = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE"))
STATUSES = frozenset((200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501))
_VALIDATORS = frozenset((b"etag", b"last-modified", b"expires"))
_FORBIDDING = frozenset((b"private", b"no-cache", b"no-store", b"max-age=0", b"s-maxage=0"))


def is_cacheable(method: bytes, head: ResponseHead) -> bool:
    """True when a shared cache might store the response and give it to others."""
    if method not in METHODS or head.status not in STATUSES:
        return False
    lasting = False
    allowed = True
    for name, value in head.fields:
        if name in _VALIDATORS:
            lasting = True
        elif name == b"pragma" and value.lower() == b"no-cache":
            return False
        elif name == b"cache-control":
            for part in value.lower().split(b","):
                directive = part.strip(b" \t")
                if directive in _FORBIDDING:
                    allowed = False
                elif directive == b"public":
                    allowed = True
                elif directive.startswith((b"max-age=", b"s-maxage=")):
                    lasting = True
    return allowed and lasting
