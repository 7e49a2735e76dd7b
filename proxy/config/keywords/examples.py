"""The examples of the keyword table, each in the smallest configuration where it can stand: what tests and readers try."""

from __future__ import annotations

from typing import Any

from proxy.config.keywords.row import Keyword, Sections

_TIMEOUTS = " timeout client 1s\n timeout connect 1s\n timeout server 1s\n"
_LOG = "global\n log 127.0.0.1 local0\n"
_OTHER = "backend other\n mode {mode}\n server o 192.0.2.7:80\n"


def wrapped(row: Keyword[Any], lines: str) -> str:
    """A configuration with these lines in the first kind of section where they may stand."""
    body = "".join(f" {line}\n" for line in lines.split("\n"))
    mode = "description plain" if lines.startswith("mode") else "mode http"
    other = _OTHER.format(mode="tcp" if lines.startswith(("mode tcp", "mode health")) else "http")
    if Sections.RESOLVERS in row.sections:
        return f"resolvers r\n{body}listen l\n mode http\n{_TIMEOUTS} bind :1\n server s 192.0.2.1:80\n"
    if Sections.GLOBAL in row.sections:
        return f"global\n{body}defaults\n mode http\n{_TIMEOUTS}listen l\n bind :1\n server s 192.0.2.1:80\n"
    if Sections.FRONTEND in row.sections and Sections.BACKEND not in row.sections:
        return f"{_LOG}defaults\n{_TIMEOUTS} log global\n{other}frontend f\n bind :1\n {mode}\n{body}"
    return (
        f"{_LOG}defaults\n{_TIMEOUTS} log global\n{other}listen l\n bind :1\n {mode}\n server s 192.0.2.1:80\n"
        f" server spare 192.0.2.3:80 check\n{body}"
    )


def with_words(kind: str, words: str) -> str:
    """A configuration with these words on its "bind" or "server" line."""
    bind = f"bind :2 {words if kind == 'bind' else ''}"
    server = f"server t 192.0.2.2:80 {words if kind == 'server' else ''}"
    return f"listen l\n mode http\n{_TIMEOUTS} {bind}\n {server}\n server spare 192.0.2.3:80 check\n"


def with_check(step: str, words: str) -> str:
    """A configuration with one step of `http-check`."""
    checks = f" option httpchk\n http-check {step} {words}\n"
    return f"listen l\n mode http\n{_TIMEOUTS} bind :2\n{checks} server t 192.0.2.2:80 check\n"
