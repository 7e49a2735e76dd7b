"""What in a configuration's lines is a secret, so that no message shows it: messages go to terminals, journals and other people.

A line is looked at as it is written, with or without faults: in a misspelled `stats autth admin:secret` the password is one all
the same. Too much is hidden rather than too little; names of users stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from proxy.base.errors import Diagnostic
from proxy.config.source import Source

_NAMED = re.compile(
    r"(?:(?<![\w-])|(?<=\\[rnt]))(?:auth|auth[_-]?pa\w*|(?:proxy-)?authorization|(?:insecure-)?passw\w*|secret|requirepass|dynamic-cookie-key)"
    r"(?![\w-])[\s:'\"\\,]*", re.IGNORECASE)
"""A word after which a secret stands."""
_ASKING = re.compile(r"\s*(?:stats\s+)?(?:http-request\s+auth|acl)\s")
"""Lines in which `auth` asks for a password of others."""
_STATS = re.compile(r"\s*stats?\s+(?!socket\s|uri\s|scope\s|refresh\s|realm\s)\S+\s+(?=[^\s:]*:)")
_USER = re.compile(r"\s*user\s+\S+\s+\S+\s+(?=\S)")
_VARIABLE = re.compile(r"\s*(?:pre)?setenv\s+\S*(?:pass|pw|secret|token|key|cred|auth)\S*\s+", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_SHOWN_MIN = 2                      # what is shorter says nothing, and would be found everywhere
HIDDEN = "*"


def hide(line: str) -> str:
    """The line with a star for each character of a secret, and as long as before."""
    shown = list(line)
    for start, end in _secrets(line):
        for place in range(start, end):
            if not shown[place].isspace():
                shown[place] = HIDDEN
    return "".join(shown)


def hidden(diagnostics: Iterable[Diagnostic], sources: Sequence[Source]) -> list[Diagnostic]:
    """The same messages, without the secrets of the lines that they are about."""
    by_name = {source.name: source for source in sources}
    return [_hidden(item, by_name.get(item.where.file)) for item in diagnostics]


def _hidden(item: Diagnostic, source: Source | None) -> Diagnostic:
    line = source.line(item.where.line) if source is not None and item.where.line else ""
    words = sorted(_words(line), key=len, reverse=True)
    if not words:
        return item
    pattern = re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, words)) + r")(?![\w-])")
    message, hint = (pattern.sub(lambda found: HIDDEN * len(found[0]), text) for text in (item.message, item.hint))
    return item if (message, hint) == (item.message, item.hint) else item._replace(message=message, hint=hint)


def _secrets(line: str) -> list[tuple[int, int]]:
    """Where the secrets of a line are."""
    found = [match.span(1) for match in _IN_ADDRESS.finditer(line)]
    starts = [match.end() for pattern in (_STATS, _USER, _VARIABLE) if (match := pattern.match(line))]
    if not _ASKING.match(line):
        starts += [match.end() for match in [_NAMED.search(line)] if match]
    if starts:
        found.append((_behind_name(line, min(starts)), len(line)))
    return found


def _behind_name(line: str, start: int) -> int:
    """Behind the colon of `user:password`, where there is one."""
    first = re.match(r"[^\s:]*:", line[start:])
    return start + first.end() if first else start


def _words(line: str) -> set[str]:
    """The secrets of a line as messages may quote them: as they are written, and as they are meant."""
    words: set[str] = set()
    for start, end in _secrets(line):
        written = line[start:end]
        for text in (written, *written.split()):
            for form in (text, re.sub(r"[\"'\\]", "", text)):
                words.add(form.strip(" \t\"'"))
    return {word for word in words if len(word) >= _SHOWN_MIN}
