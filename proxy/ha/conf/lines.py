"""From files to one text, one statement a line, and where each of its lines was written.

    file ─physical lines─> comment cut ─> `include` │ continued `$NAME= \\` definitions joined ─> parameters ─> Lines.text
"""

from __future__ import annotations

import glob
import os
import re
import stat
from dataclasses import dataclass, field

from proxy.base.errors import Where
from proxy.config.diagnostics import Diagnostics
from proxy.config.source import Source
from proxy.ha.conf.parameters import ParameterError, Parameters

MAX_FILE_OCTETS = 64 * 1024 * 1024
MAX_INCLUDE_DEPTH = 16

_INCLUDE = re.compile(r"[ \t]*(include|includer|includem|includew|includeb|includea)[ \t]+(.+?)[ \t\r]*", re.ASCII)
_CONTINUED_START = re.compile(r"[ \t]*(?:@\^?[^ \t]+[ \t]+)?\$[A-Za-z_][A-Za-z0-9_]*=[ \t]*\\", re.ASCII)


class FileMissing(Exception):
    """The configuration file itself cannot be read: the one fault that ends the daemon."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a line of the text was written; `text` is what stands there, for carets only where it was not changed."""

    where: Where
    written: str


@dataclass
class Lines:
    """The configuration as one text; line N of it has its origin in `origins[N - 1]`."""

    text_lines: list[str] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(line + "\n" for line in self.text_lines)

    def where(self, line: int, column: int, text: str) -> tuple[Where, int]:
        """The place of a word in its file, and how many characters it takes there.

        The word's first character is looked for where it stands in the text; in a line made from parameters the caret covers the
        whole line, because no part of it is certainly the word's.
        """
        origin = self.origins[min(line, len(self.origins)) - 1]
        here, place = self.text_lines[min(line, len(self.text_lines)) - 1], origin.where
        start = origin.written.find(here)
        if start >= 0:
            return Where(place.file, place.line, start + column), max(len(text), 1)
        first = len(origin.written) - len(origin.written.lstrip())
        return Where(place.file, place.line, first + 1), max(len(origin.written.strip()), 1)


class LineReader:
    """Reads a file and everything it includes."""

    def __init__(self, config_id: str, diagnostics: Diagnostics) -> None:
        self.lines = Lines()
        self._diagnostics = diagnostics
        self._parameters = Parameters(config_id)

    def read_file(self, path: str) -> None:
        """Read the configuration file.

        Raises: FileMissing.
        """
        try:
            # A pipe that nobody writes to would be waited for without end.
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise FileMissing(path, "it is not a regular file")
            self._read(path, 0)
        except OSError as error:
            raise FileMissing(path, error.strerror or str(error)) from None

    def read_text(self, text: str, name: str) -> None:
        """Read a configuration that is in memory; relative includes are looked for in the current directory."""
        self._source(Source(name, text), os.getcwd(), 0)

    def _read(self, path: str, depth: int) -> None:
        with open(path, "rb") as file:
            octets = file.read(MAX_FILE_OCTETS + 1)
        if len(octets) > MAX_FILE_OCTETS or b"\0" in octets:
            self._diagnostics.warning(Where(path), "this is no configuration file", "binary or larger than 64 MiB: not read")
            return
        text = octets.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
        self._source(Source(path, text), os.path.dirname(os.path.abspath(path)), depth)

    def _source(self, source: Source, directory: str, depth: int) -> None:
        self.lines.sources.append(source)
        number, physical = 0, source.lines
        while number < len(physical):
            first = number
            line = cut_comment(physical[number])
            number += 1
            if match := _INCLUDE.fullmatch(line):
                self._include(match[1], match[2], directory, Where(source.name, first + 1, match.start(2) + 1), depth)
                continue
            if _CONTINUED_START.fullmatch(line):
                line, number = _joined(line, physical, number)
            where = Where(source.name, first + 1)
            self._parameters.directory = directory
            try:
                for expanded in self._parameters.expand(line):
                    self.lines.text_lines.append(expanded)
                    self.lines.origins.append(Origin(where, physical[first]))
            except ParameterError as error:
                self._diagnostics.warning(Where(source.name, first + 1, 1), error.message, error.hint)

    def _include(self, word: str, pattern: str, directory: str, where: Where, depth: int) -> None:
        if depth >= MAX_INCLUDE_DEPTH:
            self._diagnostics.warning(where, f"'{word} {pattern}': more than {MAX_INCLUDE_DEPTH} files deep",
                                      "does it include itself?")
            return
        pattern = pattern.strip('"')
        found = [path for part in _braces(pattern) for path in sorted(glob.glob(os.path.join(directory, part)))]
        if not found and word != "include":
            wild = any(char in pattern for char in "*?[")
            if word in ("includea", "includew", "includeb") or (word == "includem" and not wild):
                self._diagnostics.warning(where, f"no file matches '{pattern}'",
                                          "write 'include' where the file need not be there")
        for path in found:
            if os.path.exists(path) and not os.path.isfile(path):
                if not os.path.isdir(path):
                    self._diagnostics.warning(where, f"'{path}' is not a regular file: not read")
                continue
            try:
                self._read(path, depth + 1)
            except OSError as error:
                self._diagnostics.warning(where, f"cannot read '{path}': {error.strerror}", "let this user read it")


def cut_comment(line: str) -> str:
    """The line up to its comment: the first `!` or `#` outside double quotes and without a backslash before it."""
    quoted = False
    at = 0
    while at < len(line):
        char = line[at]
        if char == "\\":
            at += 2
            continue
        if char == '"':
            quoted = not quoted
        elif char in "!#" and not quoted:
            return line[:at]
        at += 1
    return line.rstrip("\r")


def _joined(line: str, physical: list[str], number: int) -> tuple[str, int]:
    """A definition of several lines as one, its parts separated by line feeds, and the number of the line after it."""
    parts = [line.rstrip("\\").rstrip(" \t")]
    while number < len(physical):
        part = cut_comment(physical[number]).rstrip(" \t\r")
        number += 1
        parts.append(part.removesuffix("\\").strip(" \t"))
        if not part.endswith("\\"):
            break
    return parts[0] + "\n".join(parts[1:]), number


def _braces(pattern: str) -> list[str]:
    """The patterns that `{a,b}` stands for; nested braces too, at most 1000 of them."""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if match is None:
        return [pattern]
    result: list[str] = []
    for part in match[1].split(","):
        result += _braces(pattern[: match.start()] + part + pattern[match.end() :])
        if len(result) > 1000:
            break
    return result
