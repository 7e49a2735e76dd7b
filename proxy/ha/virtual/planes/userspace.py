"""Where the kernel offers nothing: pyproxy in TCP mode, in a child process that gets a new configuration with every change.

    apply ─> configuration file ─> new pyproxy ─ `-sf OLD` ─> the old one finishes its connections and ends

What the servers have had is asked of the proxy every other second, by its statistics; the counts of those before it are kept.

It is a proxy: the real servers see this machine's address, and a server that is taken out keeps the connections that it has until
they end. Persistence is by a hash of the client's address: it lasts as long as the set of servers does.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import astuple, replace

from proxy.ha.conf.services import Forwarding, Protocol, Scheduler
from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.net.unix_question import UnixQuestion
from proxy.ha.proxy_statistics import rows
from proxy.ha.virtual.plan import Match, Service, Timeouts, Traffic
from proxy.ha.virtual.planes.nft.words import service_name
from proxy.ha.virtual.planes.plane import PlaneError, Traffics
from proxy.ha.virtual.rates import SAMPLE_S

MAX_ADDRESSES = 256
RESTART_AFTER_S = 1.0
PATIENCE_S = 2.0
MAX_OCTETS = 32 * 1024 * 1024
_PR_SET_PDEATHSIG = 1

BALANCE = {
    Scheduler.RR: "roundrobin", Scheduler.WRR: "roundrobin", Scheduler.LC: "leastconn", Scheduler.WLC: "leastconn",
    Scheduler.SED: "leastconn", Scheduler.NQ: "leastconn", Scheduler.SH: "source", Scheduler.MH: "source", Scheduler.DH: "source",
    Scheduler.FO: "first", Scheduler.OVF: "first",
}
_UNWEIGHTED = frozenset({Scheduler.RR, Scheduler.LC})
_MAX_WEIGHT = 256


def configuration_text(services: Sequence[Service], timeouts: Timeouts) -> str:
    """The haproxy.cfg for these services; a service without servers is left out, and refused by the kernel."""
    lines = ["defaults", "    mode tcp", "    timeout connect 5s", f"    timeout client {timeouts.tcp_s}s",
             f"    timeout server {timeouts.tcp_s}s"]
    for service in services:
        able = service.available()
        if not able:
            continue
        if service.scheduler in (Scheduler.FO, Scheduler.OVF):
            able = sorted(able, key=lambda each: -each.weight)
        if service.scheduler is Scheduler.FO:
            able = able[:1]
        lines += ["", f"listen {service_name(service)}"]
        lines += [f"    bind {where}" for match in service.matches for where in _binds(match)]
        lines.append(f"    balance {'source' if service.persistence_timeout_s else BALANCE[service.scheduler]}")
        if BALANCE[service.scheduler] == "source" or service.persistence_timeout_s:
            lines.append("    hash-type consistent")
        largest = max(each.weight for each in able)
        for server in able:
            port = server.port or service.matches[0].port
            host = f"[{server.address}]" if server.address.version == 6 else f"{server.address}"
            weight = 1 if service.scheduler in _UNWEIGHTED else server.weight
            if largest > _MAX_WEIGHT and service.scheduler not in _UNWEIGHTED:
                weight = max(1, server.weight * _MAX_WEIGHT // largest)
            limit = server.weight if service.scheduler is Scheduler.OVF else server.uthreshold
            lines.append(f"    server {server.key} {host}:{port} weight {weight}" + (f" maxconn {limit}" if limit else ""))
    return "\n".join(lines) + "\n"


def _binds(match: Match) -> list[str]:
    if match.first is None or match.last is None:
        return []
    kind = type(match.first)
    found = []
    for number in range(int(match.first), int(match.last) + 1):
        # The address may be on the other machine now: transparent lets us wait for it.
        found.append(f"{kind(number)}:{match.port} transparent" if match.first.version == 4 else f"[{kind(number)}]:{match.port}")
    return found


def statistics_text(path: str) -> str:
    """The proxy that tells what the others have had, at a UNIX socket."""
    return ("\nlisten pyproxy_ha_statistics\n    mode http\n    timeout client 2s\n    timeout server 2s\n"
            f"    bind {path} mode 600\n    stats enable\n    stats uri /\n")


class UserspacePlane:
    """Virtual servers by a proxy of our own."""

    name = "pyproxy in user space"
    tick_s = SAMPLE_S

    def __init__(self, loop: Loop, log: Log) -> None:
        self._loop, self._log = loop, log
        self._folder = tempfile.mkdtemp(prefix="pyproxy-ha-")
        self._timeouts = Timeouts()
        self._services: tuple[Service, ...] = ()
        self._text = ""
        self._running: subprocess.Popen[bytes] | None = None
        self._again = loop.timer(self._start)
        self._ending = False
        self._generation = 0
        self._asked: UnixQuestion | None = None
        self._counted: dict[tuple[str, str], Traffic] = {}      # by the proxy that runs
        self._before: dict[tuple[str, str], Traffic] = {}       # by those before it

    def refuses(self, service: Service) -> str:
        if any(each.method.kind is not Forwarding.NAT for each in service.servers) or service.method.kind is not Forwarding.NAT:
            return "in user space there is lb_kind NAT only"
        if service.protocol is not Protocol.TCP:
            return f"protocol {service.protocol.value} needs nftables or IPVS; in user space there is TCP only"
        if any(match.first is None or not match.port for match in service.matches):
            return "firewall marks and services of all ports need nftables or IPVS"
        if service.scheduler not in BALANCE:
            return f"lb_algo {service.scheduler.value} needs IPVS"
        if sum(len(_binds(match)) for match in service.matches) > MAX_ADDRESSES:
            return f"more than {MAX_ADDRESSES} addresses need nftables or IPVS"
        return ""

    def start(self, timeouts: Timeouts, flush: bool) -> None:
        self._timeouts = timeouts

    def apply(self, services: Sequence[Service]) -> None:
        self._services = tuple(services)
        text = configuration_text(services, self._timeouts)
        if text != self._text:
            self._text = text
            self._start()

    def _start(self) -> None:
        """A proxy for the services as they are; the one before is asked to finish."""
        before, self._running = self._running, None
        self._forget_counts()
        if "\nlisten " not in self._text:
            if before is not None:
                before.send_signal(signal.SIGUSR1)
            return
        path = os.path.join(self._folder, "virtual.cfg")
        # The proxy before may still be at its socket: each has one of its own, and the old one is asked no more.
        if os.path.exists(self._statistics_path):
            os.unlink(self._statistics_path)
        self._generation += 1
        with open(path, "w", encoding="ascii") as file:
            file.write(self._text + statistics_text(self._statistics_path))
        words = [sys.executable, "-m", "proxy", "-db", "-q", "-f", path]
        if before is not None:
            words += ["-sf", str(before.pid)]
        try:
            running = subprocess.Popen(words, stdin=subprocess.DEVNULL, preexec_fn=_end_with_parent)
        except (OSError, subprocess.SubprocessError) as error:
            self._running = before
            raise PlaneError(f"cannot start pyproxy: {error}") from None
        self._running = running
        self._loop.watch_process(running.pid, lambda status: self._ended(running, status))

    def _ended(self, process: subprocess.Popen[bytes], status: int) -> None:
        process.returncode = os.waitstatus_to_exitcode(status)
        if process is self._running and not self._ending:
            self._running = None
            self._log.say("err", f"the proxy for virtual servers has ended with status {process.returncode}: starting it anew")
            self._again.set(self._loop.now() + RESTART_AFTER_S)

    @property
    def _statistics_path(self) -> str:
        return os.path.join(self._folder, f"statistics{self._generation}.sock")

    def tick(self, now: float) -> None:
        """Ask the proxy what it has counted; `traffic` gives what it said last."""
        if self._running is not None and (self._asked is None or not self._asked.waiting):
            self._asked = UnixQuestion(self._loop, self._statistics_path, b"GET /;csv HTTP/1.0\r\n\r\n", PATIENCE_S, MAX_OCTETS,
                                       self._told)

    def _told(self, answer: bytes | None, why: str) -> None:
        head, _, body = (answer or b"").partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.") or b" 200 " not in head.split(b"\r\n", 1)[0]:
            return                              # it has just been started, or is about to end; what it said last counts
        self._counted = {(row["pxname"], row["svname"]): _traffic(row) for row in rows(body.decode("ascii", "replace"))}

    def _forget_counts(self) -> None:
        """Another proxy counts from now on: what this one has counted stays, without its connections."""
        if self._asked is not None:
            self._asked.cancel()
        for key, counted in self._counted.items():
            self._before[key] = replace(_sum(self._before.get(key, Traffic()), counted), active=0)
        self._counted = {}

    def network_changed(self) -> None:
        """The kernel routes by itself."""

    def traffic(self, exact: bool) -> Traffics:
        found: dict[str, dict[str, Traffic]] = {}
        for service in self._services:
            keys = {each.key: (service_name(service), each.key) for each in service.servers}
            found[service.name] = {key: _sum(self._before.get(name, Traffic()), self._counted.get(name, Traffic()))
                                   for key, name in keys.items()}
        return found

    def stop(self, keep: bool, flush: bool = False) -> None:
        """End; connections that there are go on until they end (`keep`), or end now."""
        self._ending = True
        self._again.cancel()
        self._forget_counts()
        if self._running is not None:
            self._running.send_signal(signal.SIGUSR1 if keep else signal.SIGTERM)
        shutil.rmtree(self._folder, ignore_errors=True)


def _traffic(row: dict[str, str]) -> Traffic:
    """What a row counts; a proxy sees octets and no packets."""
    numbers = [int(row.get(name, "")) if row.get(name, "").isdigit() else 0 for name in ("scur", "stot", "bin", "bout")]
    active, connections, into, out = numbers
    return Traffic(active, 0, connections, in_octets=into, out_octets=out)


def _sum(one: Traffic, other: Traffic) -> Traffic:
    return Traffic(*(a + b for a, b in zip(astuple(one), astuple(other), strict=True)))


def _end_with_parent() -> None:
    """In the child: without us nobody would change or end it; it finishes what it has."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGUSR1, 0, 0, 0)
