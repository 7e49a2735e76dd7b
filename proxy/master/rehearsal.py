"""What `-c` can tell beyond the text of a configuration: whether the names in it mean anything on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from proxy.base.addresses import Address, Family
from proxy.base.clock import SystemClock
from proxy.build import build
from proxy.config.model import Configuration
from proxy.engine.listening import resolved
from proxy.runtime.states import Admin


def rehearse(configuration: Configuration, warn: Callable[[str, str], None]) -> None:
    """Look up every name that a start would look up, and open nothing.

    A server whose name does not resolve is warned of: it would start in maintenance.
    Raises: StartError for a name without which there is no start: a listener's, a log target's, that of a server whose
    `init-addr` demands an address.
    """
    if not any(address.family is Family.NAME for address in _addresses(configuration)):
        return
    process = build(configuration, SystemClock())
    for frontend in process.frontends:
        for listener in () if frontend.disabled else frontend.listeners:
            if listener.address.family is Family.NAME:
                resolved(listener.address, frontend.name)
    for backend in process.backends:
        for server in backend.servers:
            if server.admin & Admin.RMAINT:
                warn(f"Server {backend.name}/{server.name}: could not resolve address '{server.address.host}'"
                     f" ({server.resolve_error}).",
                     "it would start in maintenance (resolution) until the name resolves: correct it, or see 'init-addr'")


def _addresses(configuration: Configuration) -> Iterator[Address]:
    yield from (target.address for target in configuration.global_.log_targets)
    for section in configuration.proxies:
        yield from (bind.address for bind in section.binds)
        yield from (server.address for server in section.servers)
        yield from (target.address for target in section.log_targets)
