"""The keyword table: one row per keyword, by family, and how a line finds its row.

Parsing, validation, defaults, suggestions,
`-dKall` and the reference page (`proxy.config.reference`) all read these rows. Adding a keyword
touches one family's module; adding a family, one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from proxy.config.drafts import GlobalDraft, ProxyDraft, ResolversDraft
from proxy.config.keywords import (
    balance,
    bind,
    cookie,
    error_pages,
    global_,
    http_check,
    http_rules,
    legacy,
    log,
    options,
    proxy_basics,
    resolvers,
    server,
    service_checks,
    stats,
    timeouts,
    tuning,
)
from proxy.config.keywords.row import SECTION_OF_KIND, Keyword

GLOBAL_KEYWORDS: tuple[Keyword[GlobalDraft], ...] = (
    *global_.ROWS, *log.GLOBAL_ROWS, *stats.GLOBAL_ROWS, *legacy.GLOBAL_ROWS, *tuning.GLOBAL_ROWS,
)
PROXY_KEYWORDS: tuple[Keyword[ProxyDraft], ...] = (
    *proxy_basics.ROWS, *bind.ROWS, *server.ROWS, *balance.ROWS, *cookie.ROWS, *timeouts.ROWS, *options.ROWS, *log.ROWS,
    *stats.ROWS,
    *http_check.ROWS, *service_checks.ROWS, *error_pages.ROWS, *http_rules.ROWS, *legacy.ROWS, *tuning.ROWS,
)
RESOLVERS_KEYWORDS: tuple[Keyword[ResolversDraft], ...] = resolvers.ROWS

# What HAProxy says when the second word of one of these is none of theirs.
FAMILIES: dict[str, Callable[[str], str]] = {
    "timeout": timeouts.unknown,
    "stats": stats.unknown,
    "http-check": http_check.unknown,
    "tcp-check": http_check.unknown_tcp,
    "capture": lambda got: "'capture' expects 'cookie' or 'request header' or 'response header'.",
    "rate-limit": lambda got: f"'rate-limit' only supports 'sessions' (got '{got}')",
    "monitor": lambda got: "'monitor' only supports 'fail'.",
    "compression": lambda got: "'compression' expects 'algo', 'type' or 'offload'",
    "email-alert": lambda got: f"email-alert: unknown argument '{got}'.",
    "external-check": lambda got: f"external-check: unknown argument '{got}'.",
    "persist": lambda got: f"unknown persist method '{got}'." if got else "missing persist method.",
    "stick": lambda got: "'stick' expects 'on', 'match', or 'store'.",
    "tcp-request": lambda got: f"'tcp-request' expects 'inspect-delay', 'connection', 'session', or 'content' (got '{got}').",
    "tcp-response": lambda got: f"'tcp-response' expects 'inspect-delay' or 'content' (got '{got}').",
    "declare": lambda got: f"'declare' expects 'capture' (got '{got}').",
}
GLOBAL_FAMILIES: dict[str, Callable[[str], str]] = {"stats": stats.unknown_global}
RESOLVERS_FAMILIES: dict[str, Callable[[str], str]] = {"hold": resolvers.unknown_hold, "timeout": resolvers.unknown_timeout}


def _index(rows: Iterable[Keyword[Any]]) -> dict[str, Keyword[Any]]:
    index: dict[str, Keyword[Any]] = {}
    for row in rows:
        if row.words in index:
            raise AssertionError(f"two rows for {row.words}")
        index[row.words] = row
    return index


GLOBAL_INDEX = _index(GLOBAL_KEYWORDS)
PROXY_INDEX = _index(PROXY_KEYWORDS)
RESOLVERS_INDEX = _index(RESOLVERS_KEYWORDS)
_LONGEST = 3


def find(index: dict[str, Keyword[Any]], words: list[str]) -> tuple[Keyword[Any] | None, int]:
    """The row of the longest keyword that these words begin with, and how many words it has."""
    for count in range(min(_LONGEST, len(words)), 0, -1):
        row = index.get(" ".join(words[:count]))
        if row is not None:
            return row, count
    return None, 0


def names_of(kind: str) -> list[str]:
    """Every keyword that may stand in a section of this kind."""
    section = SECTION_OF_KIND[kind]
    tables: dict[str, tuple[Keyword[Any], ...]] = {"global": GLOBAL_KEYWORDS, "resolvers": RESOLVERS_KEYWORDS}
    rows = tables.get(kind, PROXY_KEYWORDS)
    return [row.words for row in rows if section in row.sections]


def sections_of(word: str) -> list[str]:
    """The kinds of section in which a keyword beginning with this word may stand, in HAProxy's order."""
    every: tuple[Keyword[Any], ...] = GLOBAL_KEYWORDS + PROXY_KEYWORDS
    rows = [row for row in every if row.words == word or row.words.startswith(word + " ")]
    return [kind for kind, section in SECTION_OF_KIND.items() if any(section in row.sections for row in rows)]
