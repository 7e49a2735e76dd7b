"""`timeout …`: every row sets one field of `Timeouts`."""

from __future__ import annotations

from proxy.config.drafts import ProxyDraft
from proxy.config.keywords.row import ANY_BACK, ANY_FRONT, ANY_PROXY, Keyword, Line, Refusal, Sections
from proxy.config.keywords.values import time_ms

Row = Keyword[ProxyDraft]

SIDES: tuple[tuple[str, Sections], ...] = (
    ("client", ANY_FRONT),
    ("server", ANY_BACK),
    ("connect", ANY_BACK),
    ("check", ANY_BACK),
    ("queue", ANY_BACK),
    ("http-keep-alive", ANY_PROXY),
    ("http-request", ANY_PROXY),
    ("tunnel", ANY_BACK),
    ("tarpit", ANY_PROXY),
    ("client-fin", ANY_FRONT),
    ("server-fin", ANY_BACK),
)
DEFAULTS_OF = {
    "queue": "timeout connect", "http-request": "timeout client", "http-keep-alive": "timeout http-request",
    "tarpit": "timeout connect", "check": "inter alone",
}


def _read(line: Line, proxy: ProxyDraft) -> None:
    value = time_ms(line, 0)
    if len(line.arguments) > 1:
        raise Refusal(
            f"'{line.keyword}' : unexpected extra argument '{line.text(1)}' after value '{line.text(0)}'.", line.at(1)
        )
    name = line.keyword.removeprefix("timeout ").replace("-", "_")
    proxy.timeouts[name] = value
    proxy.set_at[f"timeout {name}"] = line.where


def unknown(got: str) -> str:
    """HAProxy's words for a timeout that does not exist."""
    return (
        "'timeout' supports 'client', 'server', 'connect', 'check', 'queue', 'http-keep-alive', 'http-request', 'tunnel', "
        "'tarpit', "
        f"'client-fin' and 'server-fin' (got '{got}')"
    )


ROWS: tuple[Row, ...] = tuple(
    Row(f"timeout {name}", sections, "<time>", _read, default=DEFAULTS_OF.get(name, "none"), least=1,
        missing=f"'timeout {name}' expects an integer value (in milliseconds)",
        loads=(f"timeout {name} 5s", f"timeout {name} 5000"),
        fails=(f"timeout {name}", f"timeout {name} soon", f"timeout {name} -1", f"timeout {name} 5s 6s", f"timeout {name} 100d"))
    for name, sections in SIDES
)
