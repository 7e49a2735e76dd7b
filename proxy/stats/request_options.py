"""What a request for the statistics asks for, in HAProxy's manner: options after the URI, `;csv;up?scope=app`.

Source: HAProxy configuration manual, "stats uri"; management guide, section 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

SCOPE_MAX = 20              # characters of a scope text that count, as the page's box allows
FORMATS = (("json-schema", "json-schema"), ("json", "json"), ("typed", "typed"), ("csv", "csv"))
COMPACT = b";json;compact"  # the page's own live updates


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """The options of one request. `format` is html, csv, json, json-schema, typed or live; `status_code` what `;st=` carries."""

    format: str = "html"
    up: bool = False
    no_maint: bool = False
    norefresh: bool = False
    scope: str = ""
    status_code: str = ""

    def suffix(self, *, up: bool | None = None, norefresh: bool | None = None, lead: str = "", scope: bool = True) -> str:
        """The options as they are written in a link, some of them changed; `lead` goes first."""
        parts = [lead]
        parts.append(";up" if (self.up if up is None else up) else "")
        parts.append(";no-maint" if self.no_maint else "")
        parts.append(";norefresh" if (self.norefresh if norefresh is None else norefresh) else "")
        if scope and self.scope:
            parts.append(f"?scope={_quoted(self.scope)}")
        return "".join(parts)


_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def _quoted(text: str) -> str:
    """A scope text that can stand in a Location field or a link."""
    return "".join(
        chr(octet) if octet in _PLAIN else f"%{octet:02X}"
        for octet in text.encode("utf-8", "surrogateescape")
    )


def path_of(target: bytes) -> bytes:
    """A request target without scheme and authority."""
    if target[:1] == b"/":
        return target
    scheme_end = target.find(b"://")
    if scheme_end < 0:
        return target
    path_start = target.find(b"/", scheme_end + 3)
    return target[path_start:] if path_start >= 0 else b"/"


def parse_options(rest: bytes) -> RequestOptions:
    """Read what follows the configured URI in a target; what is not understood has no effect."""
    words = rest.decode("latin-1").split(";")[1:]

    def asked(option: str) -> bool:
        return any(word.startswith(option) for word in words)

    chosen = next((name for option, name in FORMATS if asked(option)), "html")
    if chosen == "json" and COMPACT in rest:
        chosen = "live"
    code = next((word[3:7] for word in words if word.startswith("st=")), "")
    return RequestOptions(
        format=chosen, up=asked("up"), no_maint=asked("no-maint"), norefresh=asked("norefresh"), scope=_scope(rest),
        status_code=code,
    )


def _scope(rest: bytes) -> str:
    for mark in (b"?scope=", b"&scope=", b";scope="):
        at = rest.find(mark)
        if at >= 0:
            value = rest[at + len(mark) :]
            for end in b"&;":
                value = value.split(bytes([end]), 1)[0]
            return unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8", "replace")[:SCOPE_MAX]
    return ""
