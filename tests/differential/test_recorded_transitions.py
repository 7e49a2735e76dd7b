"""The recording that `runtime.transitions` is held to, made anew on the real HAProxy: it still says the same."""

from __future__ import annotations

import csv
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

RECORDED = Path(__file__).parents[1] / "unit" / "runtime" / "recorded_transitions.txt"
LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
PATIENCE_S = 10.0


class Peer:
    """A HAProxy with the recording's configuration, its log read and its stats socket asked."""

    def __init__(self, program: str, folder: Path, configuration: str) -> None:
        self.log = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.log.bind(("127.0.0.1", 0))
        self.log.settimeout(PATIENCE_S)
        self.control = folder / "control"
        head = (
            f"global\n log 127.0.0.1:{self.log.getsockname()[1]} local0\n stats socket {self.control} mode 600 level admin\n"
            " nbthread 1\ndefaults\n log global\n timeout connect 1s\n timeout client 5s\n timeout server 5s\n"
        )
        (folder / "peer.cfg").write_text(head + configuration)
        command = [program, "-f", str(folder / "peer.cfg"), "-db"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(self, command: str) -> str:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with socket.socket(socket.AF_UNIX) as sock:
                try:
                    sock.connect(str(self.control))
                except OSError:
                    assert time.monotonic() < deadline, "haproxy does not answer"
                    assert self.process.poll() is None, "haproxy ended"
                    continue
                sock.sendall(command.encode() + b"\n")
                return b"".join(iter(lambda: sock.recv(65536), b"")).decode().strip("\n")

    def lines(self, count: int) -> list[str]:
        """So many lines of its log, as "level: text"."""
        told = []
        for _ in range(count):
            line = self.log.recv(65536).decode().rstrip("\n")
            level = LEVELS[int(line[1 : line.index(">")]) % 8]
            told.append(f"{level}: {line.partition(']: ')[2]}")
        return told

    def states(self) -> dict[str, str]:
        rows = self.ask("show stat").split("\n")
        names = rows[0].removeprefix("# ").split(",")
        states = {}
        for row in csv.reader(rows[1:]):
            field = dict(zip(names, row, strict=False))
            word, key = field["status"], f"{field['pxname']}/{field['svname']}"
            if field["svname"] == "BACKEND":
                states[key] = f"{word} act={field['act'] or 0} bck={field['bck'] or 0} chkdown={field['chkdown']}"
            else:
                states[key] = f"{word} weight={field['weight'] or 0}"
        return states

    def first_check_is_over(self) -> bool:
        """Its only check under way at the start has ended."""
        rows = list(csv.reader(self.ask("show stat").split("\n")))
        place = rows[0].index("check_status")
        return next(row[place] for row in rows if row[1] == "s1") == "L4OK"

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.log.close()


def recording(port: int) -> tuple[str, list[tuple[str, list[str], list[str], list[str]]]]:
    """(configuration, [(command, its answer, log lines, states that changed)])"""
    configuration, steps = [], [("", [], [], [])]      # type: ignore[var-annotated]
    for line in RECORDED.read_text().split("\n"):
        if line.startswith("#"):
            configuration.append(line[2:])
        elif line.startswith("> "):
            steps.append((line[2:], [], [], []))
        elif line:
            place = 1 if line.startswith("< ") else 3 if line.startswith("  ") else 2
            steps[-1][place].append(line if place == 2 else line[2:])
    text = "\n".join(configuration[1:]) + "\n"
    return text.replace("26101", str(port)).replace("26102", str(port)), steps


@pytest.mark.peer("haproxy")
def test_haproxy_still_says_what_was_recorded(peer: Callable[[str], str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as origin:
        configuration, steps = recording(origin.getsockname()[1])
        haproxy = Peer(peer("haproxy"), tmp_path, configuration)
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not haproxy.first_check_is_over():
                assert time.monotonic() < deadline
            states: dict[str, str] = {}
            for number, (command, answer, log, changed) in enumerate(steps):
                where = f"step {number}: {command}"
                if command:
                    assert haproxy.ask(command) == (answer[0] if answer else ""), where
                states.update(entry.split(": ", 1) for entry in changed)
                assert haproxy.lines(len(log)) == log, where
                assert haproxy.states() == states, where
        finally:
            haproxy.close()
