"""Configuration files and directories, read into memory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from proxy.base.errors import Severity, Where
from proxy.config.diagnostics import Diagnostics

MAX_OCTETS = 256 * 1024 * 1024
"""A file longer than this is no configuration."""


@dataclass(frozen=True)
class Source:
    """A configuration text and the name it goes by in messages.

    Octets that are not UTF-8 are kept as surrogate escapes (PEP 383), so that a name in another encoding survives.
    """

    name: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """The text's lines without their line feeds; only a line feed ends a line."""
        return self.text.split("\n")

    def line(self, number: int) -> str:
        """The line with this number, counted from 1; "" when there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


def sources_from_paths(paths: Iterable[str], diagnostics: Diagnostics) -> list[Source]:
    """Read every file, and every directory's non-hidden `*.cfg` in C order; what cannot be read is an alert.

    Source: HAProxy management guide, "-f".
    """
    sources = []
    for path in paths:
        for file in _files(path, diagnostics):
            source = _read(file, diagnostics)
            if source is not None:
                sources.append(source)
    return sources


def _files(path: str, diagnostics: Diagnostics) -> list[str]:
    if not os.path.isdir(path):
        return [path]
    try:
        names = os.listdir(path)
    except OSError as error:
        _cannot_open("Cannot open configuration directory", path, error, diagnostics)
        return []
    names = [name for name in names if name.endswith(".cfg") and not name.startswith(".")]
    files = [os.path.join(path, name) for name in sorted(names, key=os.fsencode)]
    files = [file for file in files if os.path.isfile(file) or not os.path.exists(file)]      # a link to nothing is told of
    if not files:
        diagnostics.warning(
            None, f"no configuration file in directory '{path}'.", "only names that end in .cfg are read from a directory"
        )
    return files


def _read(path: str, diagnostics: Diagnostics) -> Source | None:
    try:
        with open(path, "rb") as file:
            octets = file.read(MAX_OCTETS + 1)
    except FileNotFoundError as error:
        _cannot_open("Cannot open configuration file/directory", path, error, diagnostics)
        return None
    except OSError as error:
        _cannot_open("Could not open configuration file", path, error, diagnostics)
        return None
    if len(octets) > MAX_OCTETS:
        diagnostics.alert(None, f"Configuration file '{path}' is longer than {MAX_OCTETS} octets.", "is this the right file?")
        return None
    return source_from_octets(path, octets, diagnostics)


def source_from_octets(name: str, octets: bytes, diagnostics: Diagnostics) -> Source:
    """The text of a file, with a warning (one of each kind) for what HAProxy might not accept."""
    text = octets.decode("utf-8", "surrogateescape")
    if text.startswith("\ufeff"):
        text = text[1:]
        diagnostics.warning(
            Where(name, 1, 1), "byte order mark at the start of the file.", "save the file as UTF-8 without a byte order mark"
        )
    if "\r\n" in text:
        line = text.count("\n", 0, text.index("\r\n")) + 1
        diagnostics.warning(
            Where(name, line), "lines end in CR LF.", "save the file with line feeds only (Unix line ends)", ours=True
        )
    if text and not text.endswith("\n"):
        last = text.count("\n") + 1
        octets_before = len(text[text.rfind("\n") + 1 :].encode("utf-8", "surrogateescape"))
        diagnostics.line(
            Severity.WARNING,
            Where(name, last),
            f"Missing LF on last line, file might have been truncated at position {octets_before + 1}.",
            "end the last line with a line feed; HAProxy itself refuses the file",
        )
    return Source(name, text)


def _cannot_open(complaint: str, path: str, error: OSError, diagnostics: Diagnostics) -> None:
    hint = ""
    if isinstance(error, FileNotFoundError):
        hint = "check the name after -f, and the directory it is looked for in (-C)"
    elif isinstance(error, PermissionError):
        hint = "let this user read it, or run as one who may"
    diagnostics.alert(None, f"{complaint} {path} : {error.strerror}", hint, parsing=False)
