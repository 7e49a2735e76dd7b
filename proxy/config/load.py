"""`load`: a configuration's text in, the frozen model out, or every fault at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from proxy.base.errors import ConfigError
from proxy.config.checks import check_all
from proxy.config.credentials import hidden
from proxy.config.diagnostics import Diagnostics
from proxy.config.environment import startup_environment
from proxy.config.freeze import freeze_global, freeze_proxy, freeze_resolvers
from proxy.config.load_options import LoadOptions
from proxy.config.model import Configuration
from proxy.config.reader import read_sections
from proxy.config.sections import SectionReader
from proxy.config.source import Source, sources_from_paths


def load(
    files: Iterable[str] = (), text: str | None = None, environment: Mapping[str, str] | None = None,
    options: LoadOptions | None = None,
    name: str = "<text>",
) -> Configuration:
    """Read configuration files and directories, and then `text`, which goes by `name` in messages.

    `environment` is what variables are replaced from; None means the process's own. The warnings are in the result's
    `diagnostics`.
    Raises: ConfigError, with every diagnostic found; nothing else, whatever the input.
    """
    diagnostics = Diagnostics()
    sources = sources_from_paths(files, diagnostics)
    if text is not None:
        sources.append(Source(name, text))
    return load_sources(sources, environment, options or LoadOptions(), diagnostics)


def load_sources(
    sources: list[Source], environment: Mapping[str, str] | None, options: LoadOptions, diagnostics: Diagnostics
) -> Configuration:
    """The same from sources that were read already; `diagnostics` gets everything there is to say, secrets hidden.

    Raises: ConfigError.
    """
    configuration = None
    try:
        configuration = _read(sources, environment, options, diagnostics)
    finally:
        diagnostics.items[:] = hidden(diagnostics.items, sources)
    if configuration is None:
        raise ConfigError(diagnostics.items)
    return configuration._replace(diagnostics=tuple(diagnostics))


def _read(
    sources: list[Source], environment: Mapping[str, str] | None, options: LoadOptions, diagnostics: Diagnostics
) -> Configuration | None:
    """The configuration; None where there are errors in it."""
    names = [source.name for source in sources]
    variables = startup_environment(os.environ if environment is None else environment, names, options.localpeer)
    sections = read_sections(sources, variables, diagnostics)
    drafts = SectionReader(diagnostics, options, variables).read(sections)
    check_all(drafts, diagnostics)
    if diagnostics.has_errors:
        return None
    global_ = freeze_global(drafts.global_, options)
    proxies = tuple(freeze_proxy(proxy, global_) for proxy in drafts.proxies)
    if global_.zero_warning and diagnostics.has_warnings:
        diagnostics.alert(None, "Some warnings were found and 'zero-warning' is set. Aborting.", parsing=False)
        return None
    return Configuration(global_, proxies, (), tuple(names), tuple(drafts.kept),
                         tuple(freeze_resolvers(section) for section in drafts.resolvers))
