"""`-dC[key]`: the configuration as its lines were understood; with a key, without what it gives away."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from proxy.config.keywords import GLOBAL_KEYWORDS, PROXY_KEYWORDS, RESOLVERS_KEYWORDS
from proxy.config.keywords.balance import PLAIN as PLAIN_ALGORITHMS
from proxy.config.keywords.bind import WORDS as BIND_WORDS
from proxy.config.keywords.log import FACILITIES, FORMATS, LEVELS
from proxy.config.keywords.row import Keyword
from proxy.config.keywords.server import WORDS as SERVER_WORDS
from proxy.config.statements import Section

PLAIN = re.compile(r"[^\s\"'\\#$]+")
VARIABLE = re.compile(r"<[^>]*>")
FIXED = re.compile(r"[A-Za-z][A-Za-z0-9-]+")
QUANTITY = re.compile(r"[0-9]{1,12}(?:us|ms|[smhdkKMG])?")


def dump_configuration(sections: Iterable[Section], key: str = "") -> Iterator[str]:
    """The lines, comments gone, variables replaced, indented by one tab; quoted so that they can be read again.

    With a `key` every word that is no keyword and no quantity is replaced by a hash, equal words by equal ones.
    Source: HAProxy management guide, "-dC".
    """
    shown = _anonymous(key) if key else quote
    first = True
    for section in sections:
        if not first:
            yield "\n"
        first = False
        yield " ".join([section.kind, *(shown(word.text) for word in section.words[1:])]) + "\n"
        for statement in section.statements:
            yield "\t" + " ".join(shown(word.text) for word in statement.words) + "\n"


def quote(word: str) -> str:
    """The word as the reader reads it back."""
    if PLAIN.fullmatch(word):
        return word
    if "'" not in word:
        return f"'{word}'"
    return '"' + re.sub(r'(["\\$])', r"\\\1", word) + '"'


def _anonymous(key: str) -> Callable[[str], str]:
    known = _vocabulary()
    secret = key.encode("utf-8", "surrogateescape")

    def shown(word: str) -> str:
        if word in known or QUANTITY.fullmatch(word):
            return word
        return hmac.digest(secret, word.encode("utf-8", "surrogateescape"), hashlib.sha256).hex()[:8]

    return shown


def _vocabulary() -> frozenset[str]:
    """The language's own words: keywords, and what their usage has outside of <...>, such as the `tcp` and `http` of `mode`."""
    words: set[str] = {"no", "default", "from", "if", "unless", "TRUE", "FALSE"}
    keywords: tuple[Keyword[Any], ...] = (*GLOBAL_KEYWORDS, *PROXY_KEYWORDS, *RESOLVERS_KEYWORDS)
    for keyword in keywords:
        words.update(keyword.words.split(), FIXED.findall(VARIABLE.sub(" ", keyword.usage)))
    for word in (*BIND_WORDS, *SERVER_WORDS):
        words.update([word.name], FIXED.findall(VARIABLE.sub(" ", word.usage)))
    words.update(PLAIN_ALGORITHMS, ("uri", "url_param"), FACILITIES, LEVELS, FORMATS)
    return frozenset(words)
