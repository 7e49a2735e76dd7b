"""Hosts in network namespaces on one bridge, and the daemons that run there.

A namespace lives as long as the process that holds it, and that process dies with the test run (parent-death signal): nothing is
named, so nothing can be left behind. Waiting is for the kernel or a daemon to say something, never for time to pass.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from proxy.ha.net.addresses import list_addresses
from proxy.ha.net.links import list_links
from proxy.ha.net.netlink import RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR, RTMGRP_LINK, Monitor, Netlink

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
TOOLS = ("ip", "nsenter", "unshare", "setpriv")
CLONE_NEWNET = 0x40000000
HOSTS = ("client", "a", "b", "r1", "r2")
PATIENCE_S = 20.0
PYPROXY_HA = (sys.executable, "-m", "proxy.ha")
ROOT = Path(__file__).parents[2]


def tool(name: str) -> str:
    """The path of a system program."""
    path = shutil.which(name, path=SYSTEM_PATH)
    assert path is not None, f"{name} is not there"
    return path


def unavailable() -> str:
    """Why the lab cannot be built here; "" when it can."""
    if os.geteuid() != 0:
        return "needs to be root"
    missing = [name for name in TOOLS if shutil.which(name, path=SYSTEM_PATH) is None]
    if missing:
        return f"{', '.join(missing)} not installed (Debian packages: iproute2, util-linux)"
    words = [tool("unshare"), "--net", tool("ip"), "link", "add", "x", "type", "bridge"]
    probe = subprocess.run(words, capture_output=True, check=False)
    return "" if probe.returncode == 0 else f"no network namespaces or bridges here: {probe.stderr.decode().strip()}"


class Host:
    """One machine: a network namespace with `eth0` on the lab's bridge."""

    def __init__(self, name: str, number: int) -> None:
        self.name, self.number = name, number
        self._holder = subprocess.Popen([tool("setpriv"), "--pdeathsig", "KILL", tool("unshare"), "--net", "sleep", "infinity"])
        self._net = -1
        self.daemons: list[Daemon] = []
        self.address = f"10.77.0.{number}"
        self.address6 = f"fe80::77:{number}"
        self.mac = bytes((2, 0, 0, 0x77, 0, number))

    @property
    def pid(self) -> int:
        return self._holder.pid

    def number_eth0(self) -> None:
        """Give `eth0` its addresses, those and no others."""
        self.ip(f"addr add {self.address}/24 dev eth0")
        self.ip(f"addr add {self.address6}/64 dev eth0 nodad")

    def settle(self) -> None:
        """Wait until the holder has its namespace: its program has been replaced by then."""
        own = os.stat("/proc/self/ns/net").st_ino
        deadline = time.monotonic() + PATIENCE_S
        while True:
            comm = Path(f"/proc/{self.pid}/comm").read_text()
            if comm.strip() == "sleep" and os.stat(f"/proc/{self.pid}/ns/net").st_ino != own:
                break
            assert time.monotonic() < deadline, "the namespace was not made"
            os.sched_yield()
        self._net = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def reap(self) -> None:
        """Kill everything that runs here but the holder: daemons that have gone into the background, say."""
        if self._net < 0:
            return
        here = os.fstat(self._net).st_ino
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) != self.pid:
                try:
                    if os.stat(f"/proc/{entry}/ns/net").st_ino == here:
                        os.kill(int(entry), signal.SIGKILL)
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    continue

    def close(self) -> None:
        for daemon in list(self.daemons):
            daemon.kill()
        self.reap()
        if self._net >= 0:
            os.close(self._net)
        self._holder.kill()
        self._holder.wait()

    def command(self, *words: str) -> list[str]:
        """A command line that runs here, and dies with the test run."""
        return [tool("setpriv"), "--pdeathsig", "KILL", tool("nsenter"), f"--net=/proc/{self.pid}/ns/net", "--", *words]

    def run(self, *words: str, check: bool = True) -> str:
        """Run a program to its end and give what it said."""
        done = subprocess.run(self.command(*words), capture_output=True, check=False, timeout=PATIENCE_S, cwd=ROOT)
        assert not check or done.returncode == 0, f"{words}: {done.stderr.decode()}"
        return done.stdout.decode()

    def ip(self, words: str, check: bool = True) -> str:
        """`ip` with these words."""
        return self.run(tool("ip"), *words.split(), check=check)

    def inside(self, make: Callable[[], object]) -> object:
        """What `make` returns when called in this namespace: sockets made there stay there."""
        result: list[object] = []
        failure: list[BaseException] = []

        def enter() -> None:
            try:
                if ctypes.CDLL(None, use_errno=True).setns(self._net, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
                result.append(make())
            except BaseException as error:
                failure.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if failure:
            raise failure[0]
        return result[0]

    def netlink(self) -> Netlink:
        made = self.inside(Netlink)
        assert isinstance(made, Netlink)
        return made

    def monitor(self) -> Monitor:
        made = self.inside(lambda: Monitor(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))
        assert isinstance(made, Monitor)
        return made

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        made = self.inside(lambda: socket.socket(family, kind, protocol))
        assert isinstance(made, socket.socket)
        return made

    @contextmanager
    def sniffer(self, protocol: int = 3, interface: str = "eth0") -> Iterator[Sniffer]:
        """Every frame that this host sees from now on; those it sends too."""
        sock = self.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
        try:
            sock.bind((interface, protocol))
            sock.setblocking(False)
            yield Sniffer(sock)
        finally:
            sock.close()

    def addresses(self) -> set[str]:
        """Every address that the host has now, without prefixes."""
        netlink = self.netlink()
        try:
            found = [each.address for each in list_addresses(netlink)]
        finally:
            netlink.close()
        return {socket.inet_ntop(socket.AF_INET if len(each) == 4 else socket.AF_INET6, each) for each in found}

    def wait_address(self, address: str, present: bool = True) -> None:
        """Wait until the host has an address, or has it no more."""
        monitor = self.monitor()
        try:
            deadline = time.monotonic() + PATIENCE_S
            while (address in self.addresses()) is not present:
                left = deadline - time.monotonic()
                assert left > 0, f"{self.name} {'never got' if present else 'kept'} {address}: {self.said()}"
                select.select([monitor], [], [], left)
                monitor.read()
        finally:
            monitor.close()

    def wait_carrier(self) -> None:
        """Wait until `eth0` is up and has a carrier."""
        monitor, netlink = self.monitor(), self.netlink()
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not list_links(netlink)["eth0"].up:
                left = deadline - time.monotonic()
                assert left > 0, f"{self.name} has no carrier"
                select.select([monitor], [], [], left)
                monitor.read()
        finally:
            monitor.close()
            netlink.close()

    def said(self) -> str:
        """What the daemons here have said, for failures."""
        return "\n".join(f"--- {daemon.what}\n{daemon.text}" for daemon in self.daemons)

    def start(self, what: str, words: Sequence[str], environment: dict[str, str] | None = None) -> Daemon:
        """Start a program that goes on."""
        daemon = Daemon(self, what, self.command(*words), environment)
        self.daemons.append(daemon)
        return daemon


class Daemon:
    """A program that runs on a host; what it says is kept."""

    def __init__(self, host: Host, what: str, words: Sequence[str], environment: dict[str, str] | None) -> None:
        self.host, self.what = host, what
        self._process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
        assert self._process.stdout is not None
        self._pipe = self._process.stdout
        os.set_blocking(self._pipe.fileno(), False)
        self.text = ""
        self.folder: Path | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    def read(self, wait_s: float = 0.0) -> bool:
        """Take what it has said meanwhile; False when it has ended its output."""
        select.select([self._pipe], [], [], wait_s)
        while True:
            try:
                octets = os.read(self._pipe.fileno(), 1 << 16)
            except BlockingIOError:
                return True
            if not octets:
                return False
            self.text += octets.decode("utf-8", "replace")

    def wait_line(self, part: str, after: int = 0) -> int:
        """Wait until it says something; the place behind it, to wait for what comes after that."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            at = self.text.find(part, after)
            if at >= 0:
                return at + len(part)
            left = deadline - time.monotonic()
            alive = left > 0 and self.read(left)
            assert alive or part in self.text[after:], f"{self.what} on {self.host.name} never said {part!r}:\n{self.text}"

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end; its exit status. What it said until then can be read afterwards."""
        deadline = time.monotonic() + PATIENCE_S
        while self.read(max(deadline - time.monotonic(), 0)):
            assert time.monotonic() < deadline, f"{self.what} does not end:\n{self.text}"
        status = self._process.wait(PATIENCE_S)
        self._forget()
        return status

    def stop(self) -> int:
        """TERM, and wait."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """Kill it and everything it has started, at once."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait(PATIENCE_S)
        self._forget()

    def _forget(self) -> None:
        self._pipe.close()
        if self in self.host.daemons:
            self.host.daemons.remove(self)


@dataclass
class Sniffer:
    """Frames, each with the time it was read."""

    sock: socket.socket
    frames: list[tuple[float, bytes]] = field(default_factory=list)

    def read(self, wait_s: float = 0.0) -> list[bytes]:
        """The frames since the last time; waits so long for the first."""
        select.select([self.sock], [], [], wait_s)
        fresh: list[bytes] = []
        while True:
            try:
                fresh.append(self.sock.recv(1 << 16))
            except BlockingIOError:
                break
        now = time.monotonic()
        self.frames += [(now, frame) for frame in fresh]
        return fresh

    def wait(self, wanted: Callable[[bytes], bool], what: str) -> bytes:
        """The next frame that is wanted."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            left = deadline - time.monotonic()
            assert left > 0, f"never saw {what}"
            for frame in self.read(left):
                if wanted(frame):
                    return frame


class Lab:
    """The bridge, the hosts, and the cables between them."""

    def __init__(self) -> None:
        self._switch = Host("switch", 200)
        self.hosts = {name: Host(name, number) for number, name in enumerate(HOSTS, 1)}
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        for host in (self._switch, *self.hosts.values()):
            host.settle()
        self._switch.ip("link add br0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0")
        self._switch.ip("link set br0 up")
        for host in self.hosts.values():
            self._cable(host)

    def _cable(self, host: Host) -> None:
        mac = host.mac.hex(":")
        self._switch.ip(f"link add name {host.name} type veth peer name eth0 address {mac} netns {host.pid}")
        self._switch.ip(f"link set dev {host.name} master br0 up")
        host.ip("link set lo up")
        host.ip("link set dev eth0 addrgenmode none up")
        host.number_eth0()

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def block(self, host: str) -> None:
        """Lose every frame from and to a host; it keeps its carrier (power off, a broken switch)."""
        self._switch.ip(f"link set dev {host} nomaster")

    def unblock(self, host: str) -> None:
        """Carry its frames again."""
        self._switch.ip(f"link set dev {host} master br0")

    def unplug(self, host: str) -> None:
        """Take its carrier away."""
        self._switch.ip(f"link set dev {host} down")

    def plug(self, host: str) -> None:
        """Give it back, and wait until the host has noticed: the kernel tells of carriers at most once a second."""
        self._switch.ip(f"link set dev {host} up")
        self.hosts[host].wait_carrier()

    def reset(self) -> None:
        """As new: no daemons, no addresses but the first, every cable in."""
        for host in self.hosts.values():
            for daemon in list(host.daemons):
                daemon.kill()
            host.reap()
        for host in self.hosts.values():
            self._switch.ip(f"link set dev {host.name} master br0 up")
            netlink = host.netlink()
            changed = len(list_addresses(netlink)) > 4
            netlink.close()
            if changed or host.name in ("a", "b"):
                host.ip("link set eth0 up")
                host.ip("addr flush dev eth0")
                host.number_eth0()
            host.wait_carrier()
            host.ip("neigh flush all")

    def close(self) -> None:
        for host in (*self.hosts.values(), self._switch):
            host.close()


def start_ha(host: Host, kind: str, text: str, folder: Path, *extra: str,
             environment: dict[str, str] | None = None) -> Daemon:
    """Start `pyproxy-ha` or `keepalived` on a host with this configuration; its files are in a folder of its own."""
    home = folder / f"{host.name}-{kind}-{len(os.listdir(folder)) if folder.exists() else 0}"
    home.mkdir(parents=True)
    (home / "ha.conf").write_text(text)
    program = PYPROXY_HA if kind == "pyproxy-ha" else (tool("keepalived"),)
    words = [*program, "-n", "-l", "-D", "-f", str(home / "ha.conf"), "-p", str(home / "p.pid"), "-r", str(home / "r.pid"),
             "-c", str(home / "c.pid"), *extra]
    if kind == "keepalived":
        words.append("-G")
    daemon = host.start(kind, words, environment)
    daemon.folder = home
    return daemon
