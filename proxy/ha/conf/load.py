"""keepalived.conf in, a configuration and everything there is to say about it out."""

from __future__ import annotations

import socket
from dataclasses import replace

from proxy.base.errors import Where
from proxy.config.credentials import hidden
from proxy.config.diagnostics import Diagnostics
from proxy.config.source import Source
from proxy.ha.conf.blocks import parse_blocks
from proxy.ha.conf.checks import check
from proxy.ha.conf.freeze import freeze
from proxy.ha.conf.keywords import TOP
from proxy.ha.conf.keywords.row import Draft, read_entries
from proxy.ha.conf.lines import LineReader, Lines
from proxy.ha.conf.model import Configuration


def default_config_id() -> str:
    """The host's name up to its first dot: what `@id` is compared with unless -i says otherwise."""
    return socket.gethostname().partition(".")[0]


def load(path: str | None = None, *, text: str | None = None, config_id: str | None = None) -> tuple[Configuration, list[Source]]:
    """Read a configuration, and the sources for `render`.

    Raises: FileMissing when the file itself cannot be read; anything less is a diagnostic.
    """
    diagnostics = Diagnostics()
    reader = LineReader(default_config_id() if config_id is None else config_id, diagnostics)
    if text is not None:
        reader.read_text(text, "configuration")
    else:
        reader.read_file(path or "/etc/keepalived/keepalived.conf")
    return _configuration(reader.lines, diagnostics), reader.lines.sources


def _configuration(lines: Lines, diagnostics: Diagnostics) -> Configuration:
    draft = Draft(Where(lines.sources[0].name if lines.sources else ""))
    read_entries(parse_blocks(lines, diagnostics), TOP, draft, diagnostics)
    configuration = freeze(draft, diagnostics)
    check(configuration, diagnostics)
    return replace(configuration, diagnostics=tuple(hidden(diagnostics, lines.sources)))
