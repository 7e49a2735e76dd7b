"""From the command line's files to a configuration, with everything told that there is to tell."""

from __future__ import annotations

import grp
import os
import pwd
import sys

from proxy.cli.arguments import Arguments
from proxy.cli.messages import Messages
from proxy.config.diagnostics import Diagnostics
from proxy.config.environment import startup_environment
from proxy.config.load import load_sources
from proxy.config.load_options import LoadOptions
from proxy.config.model import Configuration
from proxy.config.reader import read_sections
from proxy.config.rendering import render
from proxy.config.source import Source, sources_from_paths


def load_files(arguments: Arguments, messages: Messages) -> Configuration:
    """Read and check the files, and say what was found, faults or warnings.

    Raises: ConfigError, after it has been told.
    """
    diagnostics = Diagnostics()
    sources = sources_from_paths(arguments.files, diagnostics)
    if not sources and not diagnostics.has_errors:
        diagnostics.alert(
            None, "No configuration file was found.", "name one after -f, or a directory with *.cfg files", parsing=False
        )
    if arguments.dump_configuration is not None:
        _dump(sources, arguments)
    options = LoadOptions(
        maxconn=arguments.maxconn, proxy_maxconn=arguments.proxy_maxconn, localpeer=arguments.local_peer,
        ignore_unresolved=arguments.ignore_resolution, splicing_forbidden=arguments.forbid_splicing,
        zero_warning=arguments.zero_warning, user_exists=user_exists, group_exists=group_exists,
    )
    try:
        return load_sources(sources, None, options, diagnostics)
    finally:
        items = list(diagnostics)
        messages.configuration(render(items, sources, os.getpid(), show_diag=arguments.diagnose), items)


def has_listener(configuration: Configuration) -> bool:
    """Whether the configuration would listen anywhere."""
    return any(section.binds and not section.disabled for section in configuration.proxies if section.is_frontend)


def user_exists(name: str) -> bool:
    """Whether the machine knows that user."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def group_exists(name: str) -> bool:
    """Whether the machine knows that group."""
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _dump(sources: list[Source], arguments: Arguments) -> None:
    from proxy.cli.configuration_dump import dump_configuration

    names = [source.name for source in sources]
    variables = startup_environment(os.environ, names, arguments.local_peer)
    sections = read_sections(sources, variables, Diagnostics())
    sys.stdout.writelines(dump_configuration(sections, arguments.dump_configuration or ""))
