"""The loop and the parts that touch the kernel, as far as they go without one of their own."""

from __future__ import annotations

import math
import os
import pwd
import select
import signal
import socket
import stat
import struct
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

from proxy.ha.conf.model import Global, TrackFile, TrackProcess, TrackProxy, VrrpScript
from proxy.ha.conf.routing import NextHop, Route, Rule, VirtualAddress
from proxy.ha.conf.script_command import ScriptCommand
from proxy.ha.loop import NEVER, Loop
from proxy.ha.net.addresses import Assigned, list_addresses
from proxy.ha.net.announce import Announcer, arp_frame, neighbour_frame
from proxy.ha.net.links import Link, list_links
from proxy.ha.net.netlink import Monitor, Netlink, Overrun, attribute, attributes, messages
from proxy.ha.net.proc_events import ProcessEvents
from proxy.ha.net.routes import RouteError, table_number
from proxy.ha.net.unix_question import UnixQuestion
from proxy.ha.proxy_statistics import rows, state_of
from proxy.ha.speaker.firewall import rules
from proxy.ha.speaker.interfaces import Changed, Interfaces
from proxy.ha.speaker.mail import Mail, send_in_child
from proxy.ha.speaker.spawn import TIMED_OUT, Programs, unsafe_part
from proxy.ha.speaker.trackers.file import FileTracker
from proxy.ha.speaker.trackers.process import ProcessTable, ProcessTracker
from proxy.ha.speaker.trackers.proxy import ProxyTracker
from proxy.ha.speaker.trackers.script import ScriptTracker
from proxy.ha.vrrp.actions import State
from proxy.ha.vrrp.group import SyncGroup
from proxy.ha.vrrp.packet import checksum
from proxy.ha.vrrp.rise_fall import RiseFall
from proxy.ha.vrrp.router import RouterSettings, VirtualRouter


class Lines:
    """A log that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, level: str, text: str) -> None:
        self.said.append(text)

    def detail(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def test_a_timer_that_is_moved_comes_once_and_where_it_was_moved_to(loop: Loop) -> None:
    seen: list[str] = []
    now = loop.now()
    first, second = loop.timer(lambda: seen.append("first")), loop.timer(lambda: seen.append("second"), now)
    first.set(now + 0.02)
    first.set(now + 60)
    first.set(now + 0.01)
    second.set(now + 0.005)
    gone = loop.timer(lambda: seen.append("gone"), now)
    gone.cancel()
    while len(seen) < 2:
        loop.once(1)
    assert seen == ["second", "first"]
    first.set(now)
    loop.once(0)
    assert seen[2:] == ["first"]
    assert first.at == math.inf


def test_readers_writers_and_the_end_of_a_child(loop: Loop) -> None:
    one, other = socket.socketpair()
    seen: list[str] = []

    def readable() -> None:
        seen.append(one.recv(10).decode())
        loop.remove(one.fileno())

    def writable() -> None:
        other.send(b"hello")
        loop.remove_writer(other.fileno())

    loop.add_reader(one.fileno(), readable)
    loop.add_writer(other.fileno(), writable)
    while not seen:
        loop.once(1)
    assert seen == ["hello"]
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    ended: list[int] = []
    loop.watch_process(pid, ended.append)
    while not ended:
        loop.once(1)
    assert os.waitstatus_to_exitcode(ended[0]) == 7
    one.close()
    other.close()


def test_the_first_result_decides_and_changes_take_a_run() -> None:
    state = RiseFall(rise=2, fall=3)
    assert state.result(True)
    assert [state.result(each) for each in (False, False, True, False, False, False)] == [False] * 5 + [True]
    assert state.up is False
    assert [state.result(True), state.result(True)] == [False, True]
    down = RiseFall(2, 1, init_fail=True)
    assert down.up is False
    assert [down.result(True), down.result(True)] == [False, True]


def group() -> tuple[SyncGroup, dict[str, VirtualRouter]]:
    routers = {name: VirtualRouter(RouterSettings(), b"\1") for name in ("one", "two")}
    for router in routers.values():
        router.start(0.0)
    return SyncGroup("g", routers), routers


def test_a_group_follows() -> None:
    both, routers = group()
    assert both.update_state() is State.BACKUP
    steps = both.follow(4.0, "one", routers["one"].handle_timer(4.0))
    assert [name for name, _ in steps] == ["two"]
    assert routers["two"].state is State.MASTER
    assert both.update_state() is State.MASTER
    assert both.update_state() is None
    assert [name for name, _ in both.fault(5.0, "two", "x")] == ["one", "two"]
    assert routers["one"].reason == "two: x"
    assert both.update_state() is State.FAULT
    both.fault(5.0, "one", "y")
    assert both.recover(6.0, "two") == []
    assert [name for name, _ in both.recover(6.0, "one")] == ["one", "two"]
    assert both.update_state() is State.BACKUP


MAC, FOUR, SIX = bytes.fromhex("020000000001"), socket.inet_aton("192.0.2.9"), ip_address("2001:db8::9").packed


def test_frames() -> None:
    arp = arp_frame(MAC, FOUR)
    ether, sender, target = "ffffffffffff" + MAC.hex() + "0806", MAC.hex() + FOUR.hex(), "ffffffffffff" + FOUR.hex()
    assert arp.hex() == ether + "0001080006040001" + sender + target
    na = neighbour_frame(MAC, SIX)
    assert na[:14].hex() == "333300000001" + MAC.hex() + "86dd"
    icmp = na[54:]
    assert (na[20], na[21], icmp[0]) == (58, 255, 136)
    assert checksum(na[22:54] + struct.pack("!II", len(icmp), 58) + icmp) in (0, 0xFFFF)
    assert icmp[4:8].hex() == "a0000000"


def test_announcements_are_paced_and_forgotten() -> None:
    sent: list[bytes] = []
    link = Link(2, "eth0", True, MAC)
    announcer = Announcer(lambda name: (name, 0.5, 0.0), lambda link, frame: sent.append(frame))
    announcer.announce(10.0, link, [FOUR, socket.inet_aton("192.0.2.10")], 2)
    assert len(sent) == 1
    assert announcer.deadline == 10.5
    announcer.handle_timer(10.5)
    announcer.forget([FOUR])
    announcer.handle_timer(11.0)
    announcer.handle_timer(12.0)
    assert [frame[31] for frame in sent] == [9, 10, 10]
    assert announcer.deadline == math.inf
    announcer.announce(13.0, Link(1, "lo", True, b"", ethernet=False), [FOUR], 5)
    announcer.announce(20.0, link, [SIX], 3)
    assert len(sent) == 6


def test_netlink_messages_come_apart_whatever_is_cut() -> None:
    octets = attribute(1, b"abc") + attribute(2, b"")
    assert attributes(octets) == {1: b"abc", 2: b""}
    for end in range(len(octets)):
        attributes(octets[:end])
        list(messages(octets[:end]))
    assert list(messages(struct.pack("=IHHII", 20, 16, 0, 5, 0) + b"body")) == [(16, 5, b"body")]


def test_the_kernels_links_and_addresses() -> None:
    netlink = Netlink()
    try:
        assert list_links(netlink)["lo"].loopback
        assert socket.inet_aton("127.0.0.1") in [each.address for each in list_addresses(netlink)]
    finally:
        netlink.close()


def test_tables_by_name_and_number() -> None:
    assert [table_number(name) for name in ("", "main", "local", "100")] == [254, 254, 255, 100]
    with pytest.raises(RouteError):
        table_number("there-is-none")


def test_the_rules_of_no_accept() -> None:
    text = rules("t", [ip_address("192.0.2.1"), ip_address("2001:db8::1")])
    assert "ip daddr { 192.0.2.1 } drop" in text
    assert "nd-neighbor-solicit" in text
    assert text.startswith("table inet t\ndelete table inet t\n")
    assert "counter" not in text
    assert rules("t", [ip_address("192.0.2.1"), ip_address("2001:db8::1")], counters=True).count("counter drop") == 3


def run(loop: Loop, programs: Programs, *words: str, timeout_s: float = NEVER) -> int:
    codes: list[int] = []
    assert programs.run(ScriptCommand(words), (), timeout_s, codes.append) is not None
    while not codes:
        loop.once(1)
    return codes[0]


def test_programs_and_how_they_end(loop: Loop, tmp_path: Path) -> None:
    log = Lines()
    programs = Programs(loop, log, Global(script_user=""))
    assert run(loop, programs, "true") == 0
    assert run(loop, programs, "/bin/sh", "-c", "exit 3") == 3
    assert run(loop, programs, "/bin/sh", "-c", "kill -9 $$") == 137
    assert run(loop, programs, "/bin/sleep", "60", timeout_s=0.05) == TIMED_OUT
    assert programs.run(ScriptCommand(("/no/such",)), (), 1, lambda code: None) is None
    assert "is not there" in log.said[-1]
    idle: list[int] = []
    programs.when_idle(5, lambda: idle.append(1))
    while not idle:
        loop.once(1)


def test_a_path_that_others_may_change_is_unsafe(tmp_path: Path) -> None:
    assert unsafe_part("/bin/sh") == ""
    script = tmp_path / "x"
    script.touch()
    script.chmod(0o777)
    if os.geteuid() == 0:
        assert unsafe_part(str(script)) == str(script)
        script.chmod(0o755)
        tmp_path.chmod(0o777)
        assert unsafe_part(str(script)) == str(tmp_path)
        tmp_path.chmod(0o777 | stat.S_ISVTX)
        assert unsafe_part(str(script)) == ""
    assert unsafe_part(str(tmp_path / "none")) == str(tmp_path / "none")


def wait(loop: Loop, values: list[object], count: int) -> None:
    for _ in range(500):
        if len(values) >= count:
            return
        loop.once(0.05)
    raise AssertionError(values)


def test_a_script_is_run_again_and_again(loop: Loop, tmp_path: Path) -> None:
    flag, seen = tmp_path / "ok", []
    flag.touch()
    script = VrrpScript("s", ScriptCommand(("/usr/bin/test", "-e", str(flag))), interval_s=0.02, fall=2)
    log = Lines()
    tracker = ScriptTracker(loop, log, Programs(loop, log, Global()), script, lambda value, why: seen.append((value, why)))
    tracker.start()
    wait(loop, seen, 1)
    flag.unlink()
    wait(loop, seen, 2)
    tracker.stop()
    assert [value for value, _ in seen] == [True, False]
    assert seen[1][1] == "exited with status 1"
    missing = ScriptTracker(loop, log, Programs(loop, log, Global()), VrrpScript("m", ScriptCommand(("/no/such",))), lambda value,
                            why: seen.append((value, why)))
    missing.start()
    wait(loop, seen, 3)
    missing.stop()
    assert seen[2] == (False, "cannot be run")


def test_a_file_is_read_when_it_changes(loop: Loop, tmp_path: Path) -> None:
    path, seen, log = tmp_path / "f", [], Lines()
    tracker = FileTracker(loop, log, TrackFile("f", str(path), init_file=True, init_value=3), lambda value,
                          why: seen.append(value))
    tracker.start()
    assert seen == [3]
    for text, value in (("-7\n", -7), ("12 of 13", 12), ("nonsense", 0), ("5", 5), ("9" * 30, 0)):
        path.write_text(text)
        wait(loop, seen, len(seen) + 1)
        assert seen[-1] == value
    path.unlink()
    tracker.stop()
    assert "there is no number" in log.said[0]


class Proc:
    """A made-up /proc."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, pid: int, name: str, *words: str, state: str = "S") -> None:
        home = self.folder / str(pid)
        home.mkdir(exist_ok=True)
        (home / "stat").write_text(f"{pid} ({name}) {state} 1 1")
        (home / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))


@pytest.mark.parametrize("written", [b"", b"7\n"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(loop: Loop, tmp_path: Path, written: bytes) -> None:
    path, log = tmp_path / "pipe", Lines()
    os.mkfifo(path)
    writing = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    os.write(writing, written)

    def too_long(*_: object) -> None:
        raise AssertionError("the loop was held up")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, 5)
    try:
        tracker = FileTracker(loop, log, TrackFile("f", str(path)), lambda value, why: None)
        tracker.start()
        tracker.stop()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        os.close(writing)
    assert tracker.value == (7 if written else 0)


@pytest.mark.parametrize(("process", "up"), [
    (TrackProcess("p", "nginx"), True), (TrackProcess("p", "nginx", quorum=2), True),
    (TrackProcess("p", "nginx", quorum=3), False),
    (TrackProcess("p", "nginx", quorum_max=1), False), (TrackProcess("p", "nothing"), False),
    (TrackProcess("p", "nothing", quorum_max=0), True),
    (TrackProcess("p", "dead"), False), (TrackProcess("p", "a-very-long-name-indeed"), True),
    (TrackProcess("p", "nginx", ("-c", "x")), True), (TrackProcess("p", "nginx", ("-c",)), False),
    (TrackProcess("p", "nginx", ("-c",), "partial"), True),
    (TrackProcess("p", "nginx", ("-c", "x", "y"), "initial"), False), (TrackProcess("p", "nginx", ("-c", ""), "initial"), True),
    (TrackProcess("p", "nginx", None, "", True), False), (TrackProcess("p", "/usr/sbin/nginx", None, "", True), True),
])
def test_which_processes_count(loop: Loop, tmp_path: Path, process: TrackProcess, up: bool) -> None:
    proc = Proc(tmp_path)
    proc.put(1, "nginx", "/usr/sbin/nginx", "-c", "x")
    proc.put(2, "nginx", "/usr/sbin/nginx", "-g", "y")
    proc.put(3, "dead", "dead", state="Z")
    proc.put(4, "a-very-long-nam", "/x/a-very-long-name-indeed")
    (tmp_path / "self").mkdir()
    seen: list[bool] = []
    tracker = ProcessTracker(loop, ProcessTable(loop, Lines(), str(tmp_path)), process, lambda value,
                             why: seen.append(bool(value)))
    tracker.start()
    tracker.stop()
    assert seen[-1] is up


@pytest.mark.parametrize(("answer", "state"), [
    ("# pxname,svname,status,\nweblb,web1,DOWN,\nweblb,BACKEND,UP,\n", "UP"),
    ("# svname,pxname,x,status\nBACKEND,weblb,,DOWN\n", "DOWN"),
    ("", ""), ("Unknown command\n", ""), ("# pxname,svname,status,\nother,BACKEND,UP,\n", ""), ('# pxname,svname,status\n'
                                                                                                'weblb,"BACK', ""),
])
def test_what_a_proxy_says(answer: str, state: str) -> None:
    assert state_of(answer, "weblb") == state


@pytest.mark.parametrize("answer", ["", "\n", "x", "# pxname,svname\na,b\n", "# pxname,svname,status,\na\n", "\0", '"' * 7,
                                    "# pxname,svname,status,\n" + "x" * 200_000 + ",BACKEND,UP,\n"])
def test_what_is_no_statistics_has_no_rows(answer: str) -> None:
    assert list(rows(answer)) == []


class Peer:
    """A program at a UNIX socket that answers when told to."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "peer.sock")
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(self.path)
        self.listening.listen()
        self.asked: list[socket.socket] = []

    def accept(self) -> bytes:
        self.asked.append(self.listening.accept()[0])
        return self.asked[-1].recv(100)

    def close(self) -> None:
        for each in (self.listening, *self.asked):
            each.close()


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    made = Peer(tmp_path)
    yield made
    made.close()


def test_a_question_has_one_end(loop: Loop, peer: Peer, tmp_path: Path) -> None:
    ends: list[tuple[bytes | None, str]] = []

    def ask(path: str, patience_s: float = 20, most: int = 10) -> UnixQuestion:
        return UnixQuestion(loop, path, b"who\n", patience_s, most, lambda answer, why: ends.append((answer, why)))

    assert not ask(str(tmp_path / "none")).waiting
    assert not ask("x\0y").waiting
    assert not ask("x" * 200).waiting
    assert [answer for answer, _ in ends] == [None] * 3
    assert "No such file" in ends[0][1]
    ends.clear()
    good = ask(peer.path)
    assert peer.accept() == b"who\n"
    peer.asked[-1].sendall(b"I")
    loop.once(1)
    assert good.waiting
    peer.asked[-1].sendall(b" am")
    peer.asked[-1].shutdown(socket.SHUT_WR)
    while good.waiting:
        loop.once(1)
    ask(peer.path)
    peer.accept()
    peer.asked[-1].sendall(b"x" * 11)
    loop.once(1)
    silent = ask(peer.path, patience_s=0.01)
    while silent.waiting:
        loop.once(1)
    forgotten = ask(peer.path)
    forgotten.cancel()
    forgotten.cancel()
    assert ends == [(b"I am", ""), (None, "the answer has no end"), (None, "no answer in 0.01 s")]


def test_a_proxy_that_is_silent_for_longer_than_the_interval_is_down(loop: Loop, peer: Peer) -> None:
    said: list[tuple[object, str]] = []
    proxy = TrackProxy(peer.path, "b", interval_s=0.001, timeout_s=0.05, rise=1, fall=1)
    tracker = ProxyTracker(loop, Lines(), proxy, lambda value, why: said.append((value, why)))
    tracker.start()
    while not said:
        loop.once(1)
    tracker.stop()
    assert said == [(False, "no answer in 0.05 s")]


def test_one_server_of_a_backend() -> None:
    assert state_of("# pxname,svname,status,\nweblb,web1,UP 1/2,\nweblb,BACKEND,DOWN,\n", "weblb/web1") == "UP 1/2"


def test_what_is_configured_can_be_written_down() -> None:
    assert str(VirtualAddress(ip_interface("192.0.2.1/24"))) == "192.0.2.1/24"
    assert Route(ip_network("192.0.2.0/24"), hops=(NextHop(ip_address("192.0.2.1")),)).kind == "unicast"
    assert Rule(4, table="100").action == "lookup"


@pytest.mark.root
def test_the_kernel_tells_of_processes(loop: Loop) -> None:
    try:
        events = ProcessEvents()
    except OSError as error:
        pytest.skip(f"the kernel does not tell this process: {error}")
    pid = os.fork()
    if pid == 0:
        os.execv("/bin/true", ["true"])
    os.waitpid(pid, 0)
    seen: set[int] = set()
    while pid not in seen:
        assert select.select([events], [], [], 10)[0]
        _, ended = events.read()
        seen |= ended
    events.close()


def test_news_that_were_lost_make_everything_be_read_anew(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Changed] = []
    netlink = Netlink()
    interfaces = Interfaces(loop, netlink, told.append)
    try:
        def overrun(monitor: Monitor) -> list[tuple[int, bytes]]:
            raise Overrun

        monkeypatch.setattr(Monitor, "read", overrun)
        interfaces.addresses[1][socket.inet_aton("192.0.2.77"), 32] = Assigned(1, socket.inet_aton("192.0.2.77"), 32, 0, 0)
        interfaces._read()
    finally:
        interfaces.close()
        netlink.close()
    assert [each.address for each in told[0].removed] == [socket.inet_aton("192.0.2.77")]
    assert told[0].routes


def test_who_runs_a_program_is_looked_up_once(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = pwd.getpwnam

    def counted(name: str) -> pwd.struct_passwd:
        asked.append(name)
        return real(name)

    monkeypatch.setattr(pwd, "getpwnam", counted)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    programs = Programs(loop, Lines(), Global(script_user="nobody"))
    command = ScriptCommand(("/bin/true",))
    found = programs.identity(command)
    assert found.uid == real("nobody").pw_uid
    assert programs.identity(command) is found
    with pytest.raises(LookupError):
        programs.identity(ScriptCommand(("/bin/true",), "no-such-user"))
    assert asked == ["nobody", "no-such-user"]
    programs.configure(Global(script_user="nobody"))
    assert programs.identity(command) == found
    assert asked[2:] == ["nobody"]


def test_a_mail_without_a_process_is_told_as_not_sent(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_process() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    ends: list[int] = []
    monkeypatch.setattr(os, "fork", no_process)
    send_in_child(loop, Mail("127.0.0.1", 25, "x", 1.0, "a@b", ("c@d",), "s", "b", 0.0), ends.append)
    assert ends == [1]
