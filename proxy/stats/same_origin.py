"""Whether a form comes from this very page, as browsers tell: another site's page must not use the credentials they remember.

| Sec-Fetch-Site | Origin | the form |
|---|---|---|
| same-origin, none | any | is taken: scripts cannot set this field; `Host` may have been rewritten on the way |
| anything else, or more than one | any | is denied: same-site too, a neighbour's name is not this page |
| missing (plain HTTP to a name, old browsers) | the scheme, host and port of `Host` | is taken |
| missing | another one, `null`, or more than one | is denied |
| missing | missing | is taken, as in HAProxy: no browser that there still is sends a form so, programs (curl) do |

What this cannot see: a page of the same origin, e.g. of an application behind the same frontend, and a name that its owner points
at this address (DNS rebinding), for which the browser remembers no credentials. Hence: a port of its own, and `stats auth`.

Source: Fetch standard, "Origin header" and Fetch Metadata "Sec-Fetch-Site"; RFC 6454 §7.
"""

from __future__ import annotations

from proxy.runtime.service import ServiceRequest

_TRUSTED_SITES = frozenset((b"same-origin", b"none"))
_DEFAULT_PORTS = {b"http": b"80", b"https": b"443"}


def is_same_origin(request: ServiceRequest) -> bool:
    """Whether a request that changes something is one that this page, or no page at all, has sent."""
    sites = _values(request, b"sec-fetch-site")
    if sites:
        return len(sites) == 1 and sites[0] in _TRUSTED_SITES
    origins = _values(request, b"origin")
    if not origins:
        return True
    hosts = _values(request, b"host")
    if len(origins) > 1 or len(hosts) != 1:
        return False
    scheme, mark, authority = origins[0].lower().partition(b"://")
    if not mark or scheme not in _DEFAULT_PORTS:
        return False
    return _with_port(authority, scheme) == _with_port(hosts[0].lower(), scheme)


def _values(request: ServiceRequest, name: bytes) -> list[bytes]:
    return [value.strip(b" \t") for field, value in request.fields if field == name]


def _with_port(authority: bytes, scheme: bytes) -> tuple[bytes, bytes]:
    """Host and port; the scheme's own port where none is named."""
    host, colon, port = authority.rpartition(b":")
    if not colon or b"]" in port:               # no port, or a colon of an IPv6 address
        return authority, _DEFAULT_PORTS[scheme]
    return host, port or _DEFAULT_PORTS[scheme]
