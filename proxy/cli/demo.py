"""`pyproxy demo`: small web servers, a load balancer in front of them, and what to open in a browser.

One process, an ordinary user: the load balancer is embedded (`proxy.Proxy`), and a web server runs at each address of this
machine that the configuration has as a server.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib.resources import as_file, files

from proxy.base.addresses import Family
from proxy.base.errors import ConfigError, StartError
from proxy.cli.demo_site import DemoSite
from proxy.cli.messages import Messages
from proxy.config.model import Configuration
from proxy.config.rendering import render
from proxy.engine.port_holder import who_holds
from proxy.testing.proxy import Proxy

USAGE = """\
Usage : pyproxy demo [-f <cfgfile>]
        runs the example configuration (or that one) with a small web server behind each of its servers' loopback addresses
"""


def demo(words: Sequence[str], messages: Messages) -> int:
    """Run the demo until SIGINT or SIGTERM; gives the exit status."""
    if len(words) == 2 and words[0] == "-f":
        return _run(words[1], messages)
    if words:
        sys.stdout.write(USAGE)
        return 0 if words in (["-h"], ["--help"]) else 1
    with as_file(example("haproxy.cfg")) as path:
        return _run(str(path), messages)


def example(name: str):  # type: ignore[no-untyped-def]    # Traversable moved between modules from 3.11 to 3.14
    """A file of the top-level folder `examples/`, from the wheel or from the source tree."""
    installed = files("proxy").joinpath("examples", name)
    return installed if installed.is_file() else files("proxy").joinpath("..", "examples", name)


def _run(path: str, messages: Messages) -> int:
    try:
        proxy = Proxy(path=path)
    except ConfigError as error:
        messages.configuration(render(error.diagnostics, [], os.getpid()), error.diagnostics)
        return 1
    sites: list[DemoSite] = []
    ended = threading.Event()
    previous = {number: signal.signal(number, lambda *_: ended.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for name, host, port in _addresses(proxy.configuration):
            sites.append(_open_site(name, host, port))
        with proxy:
            print(_what_to_open(proxy, path, sites), flush=True)
            while not ended.wait(3600):
                pass
            print("\nstopped.", flush=True)
    except StartError as error:
        messages.start_failed(error)
        return 1
    finally:
        for site in sites:
            site.close()
        for number, action in previous.items():
            signal.signal(number, action)
    return 0


def _addresses(configuration: Configuration) -> list[tuple[str, str, int]]:
    """(name, host, port) of every server that is on this machine, each address once."""
    found: dict[tuple[str, int], str] = {}
    for section in configuration.proxies:
        for server in section.servers:
            address = server.address
            if address.family is Family.IPV4 and address.host.startswith("127.") and address.port:
                found.setdefault((address.host, address.port), server.name)
    return [(name, host, port) for (host, port), name in found.items()]


def _open_site(name: str, host: str, port: int) -> DemoSite:
    try:
        return DemoSite(name, host, port)
    except OSError as error:
        holder = who_holds(port)
        raise StartError(
            "demo", f"the demo's web server {name} cannot use {host}:{port}: {error.strerror}",
            f"it is held by {holder}" if holder else "stop what listens there, or choose other addresses with -f",
        ) from None


def _what_to_open(proxy: Proxy, path: str, sites: list[DemoSite]) -> str:
    head = f"pyproxy runs {path}; behind it, {len(sites)} small web servers: {', '.join(site.name for site in sites)}."
    pages: list[str] = []               # the sites first, whatever comes first in the file
    lines: list[str] = []
    for section in proxy.configuration.proxies:
        if not section.is_frontend or not section.binds or section.disabled:
            continue
        url = proxy.url_of(section.name)
        if section.mode != "http":
            lines.append(f"  {section.name:<12} {url.removeprefix('http://')}    TCP")
        elif section.servers or section.default_backend:
            pages.append(f"  {'the site':<12} {url}/    reload it: the servers take turns")
        if section.stats is not None and section.stats.enabled:
            user = section.stats.users[0] if section.stats.users else None
            login = f"    user {user[0]}, password {user[1]}" if user else ""
            lines.append(f"  {'statistics':<12} {url}{section.stats.uri}{login}")
        lines += [f"  {'metrics':<12} {url}{rule.path}    for Prometheus" for rule in section.use_services]
    return "\n".join([head, "", *pages, *lines, "", "Ctrl-C ends it."])
