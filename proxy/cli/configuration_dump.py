"""`-dC[key]`: the configuration as its lines were understood; with a key, without what it gives away."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator

from proxy.config.keywords import GLOBAL_KEYWORDS, PROXY_KEYWORDS
from proxy.config.keywords.bind import WORDS as BIND_WORDS
from proxy.config.keywords.server import WORDS as SERVER_WORDS
from proxy.config.statements import Section

PLAIN = re.compile(r"[^\s\"'\\#$]+")
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
    words: set[str] = {"no", "default", "from"}
    for table in (GLOBAL_KEYWORDS, PROXY_KEYWORDS):
        words.update(word for keyword in table for word in keyword.words.split())
    words.update(word.name for word in (*BIND_WORDS, *SERVER_WORDS))
    return frozenset(words)
