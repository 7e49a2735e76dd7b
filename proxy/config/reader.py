"""From text to sections: lines into words, variables replaced, conditional blocks decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proxy.config.diagnostics import Diagnostics
from proxy.config.source import Source
from proxy.config.statements import Section


def read_sections(sources: Sequence[Source], environment: Mapping[str, str], diagnostics: Diagnostics) -> list[Section]:
    """Read all sources in order; every fault becomes an alert and reading goes on behind it.

    `environment` is left alone unless it is an `Environment`, which then takes what `setenv` and its kin change.
    """
    raise NotImplementedError
