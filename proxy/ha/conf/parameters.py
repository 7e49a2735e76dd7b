"""`$PARAMETER`, `@id` and `~SEQ`: one line of a file becomes none, one or many lines of configuration.

    line ─@id─> kept or dropped ─$NAME=value─> remembered │ ─~SEQ, ~LST─> lines │ ─$NAME, ${NAME}─> lines, each from the beginning

Source: keepalived.conf(5), "Advanced configuration".
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_LINES = 100_000
MAX_OCTETS = 1 << 16
MAX_DEPTH = 64

_DEFINITION = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.ASCII | re.DOTALL)
_USE = re.compile(
    r"\$\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)(?P<arguments>(?:[ \t]+[0-9]+){0,2})[ \t]*\}"
    r"|\$(?P<bare>[A-Za-z_][A-Za-z0-9_]*)(?=[ \t\n]|$)",
    re.ASCII,
)
_SEQUENCE = re.compile(r"~SEQ(?P<hex>x?)\((?P<inside>[^()]*)\)[ \t]*", re.ASCII)
_LIST = re.compile(r"~LST\((?P<inside>[^()]*)\)[ \t]*", re.ASCII)
_GROUP = re.compile(r"\{([^{}]*)\}|([^,{}]+)", re.ASCII)


class ParameterError(ValueError):
    """A line that cannot be expanded; `hint` says what to write."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(message)


@dataclass
class Parameters:
    """The definitions in force while a configuration is read from top to bottom.

    `config_id` is what `@id` is compared with (-i, or the host's name); `directory` is that of the file being read.
    """

    config_id: str
    directory: str = ""
    values: dict[str, str] = field(default_factory=dict)
    seed: random.Random = field(default_factory=random.Random)
    lines_count: int = 0

    def expand(self, line: str, depth: int = 0) -> Iterator[str]:
        """What a line comes to.

        Raises: ParameterError.
        """
        line = line.strip(" \t\r\v\f")
        if depth > MAX_DEPTH or len(line) > MAX_OCTETS:
            raise ParameterError("a parameter is replaced without end", "a definition may not contain its own name")
        while line.startswith("@"):
            rest = self._condition(line)
            if rest is None:
                return
            line = rest
        if match := _DEFINITION.fullmatch(line):
            self.values[match[1]] = match[2].strip(" \t\r")
            return
        if line.startswith(("~SEQ", "~LST")):
            yield from self._repeated(line, depth)
            return
        replaced = _USE.sub(self._value, line)
        if replaced != line:
            for part in replaced.split("\n"):
                yield from self.expand(part, depth + 1)
            return
        if line:
            self.lines_count += 1
            if self.lines_count > MAX_LINES:
                raise ParameterError(f"the configuration comes to more than {MAX_LINES} lines", "")
            yield line

    def _condition(self, line: str) -> str | None:
        """The line behind its `@id`, None where it is not meant for us."""
        word, _, rest = line[1:].partition(" ") if " " in line else line[1:].partition("\t")
        wanted = word != "" and (word[1:] != self.config_id if word.startswith("^") else word == self.config_id)
        return rest.lstrip(" \t") if wanted else None

    def _value(self, match: re.Match[str]) -> str:
        name = match["braced"] or match["bare"]
        if name in self.values:
            return self.values[name]
        if name == "_PWD":
            return self.directory
        if name == "_INSTANCE":
            return self.config_id
        if name == "_HASH":
            return "\\#"
        if name == "_BANG":
            return "\\!"
        if name == "_RANDOM":
            bounds = [int(word[:9]) for word in (match["arguments"] or "").split()]
            low = bounds[0] if bounds else 0
            high = bounds[1] if len(bounds) > 1 else 32767
            if low > high:
                raise ParameterError(f"'{match[0]}': {low} is more than {high}", "write the smaller number first")
            return str(self.seed.randint(low, high))
        return match[0]

    def _repeated(self, line: str, depth: int) -> Iterator[str]:
        if match := _SEQUENCE.match(line):
            names, rows = _sequence(match["inside"], bool(match["hex"]))
        elif match := _LIST.match(line):
            names, rows = _list(match["inside"])
        else:
            raise ParameterError(f"'{line.split(')')[0]}' is no sequence",
                                 "write ~SEQ(NAME, start, step, end) or ~LST(NAME, value, …)")
        rest = line[match.end() :]
        for row in rows:
            before = {name: self.values.get(name) for name in names}
            self.values.update(zip(names, row, strict=True))
            yield from self.expand(rest, depth + 1)
            for name, value in before.items():
                if value is None:
                    self.values.pop(name, None)
                else:
                    self.values[name] = value


def _sequence(inside: str, hexadecimal: bool) -> tuple[list[str], Iterator[list[str]]]:
    words = [word.strip() for word in inside.split(",")]
    numbers = [_integer(word) for word in words[1:]]
    if not words[0] or not 1 <= len(numbers) <= 3 or None in numbers:
        raise ParameterError(f"'~SEQ({inside})' needs a name and one to three numbers", "write ~SEQ(NAME, start, step, end)")
    bounds = [number for number in numbers if number is not None]
    end = bounds[-1]
    start = bounds[0] if len(bounds) > 1 else (1 if end > 0 else -1)
    step = bounds[1] if len(bounds) == 3 else (1 if end >= start else -1)
    if step == 0 or (end - start) * step < 0 or abs((end - start) // step) >= MAX_LINES:
        raise ParameterError(f"'~SEQ({inside})' never reaches its end", "write a step that leads from start to end")
    return [words[0]], ([f"{number:x}" if hexadecimal else str(number)]
                        for number in range(start, end + (1 if step > 0 else -1), step))


def _integer(word: str) -> int | None:
    match = re.fullmatch(r"(-?)(?:0[xX]([0-9A-Fa-f]{1,8})|([0-9]{1,9}))", word, re.ASCII)
    if match is None:
        return None
    number = int(match[2], 16) if match[2] else int(match[3])
    return -number if match[1] else number


def _list(inside: str) -> tuple[list[str], Iterator[list[str]]]:
    groups = [
        [part.strip() for part in match[1].split(",")] if match[1] is not None else [match[2].strip()]
        for match in _GROUP.finditer(inside) if match[1] is not None or match[2].strip()
    ]
    if len(groups) < 2 or any(len(group) != len(groups[0]) for group in groups):
        raise ParameterError(f"'~LST({inside})' needs a name and values, as many values as names in each",
                             "write ~LST(NAME, value, …) or ~LST({A, B}, {1, 2}, …)")
    return groups[0], iter(groups[1:])
