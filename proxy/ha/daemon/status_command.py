"""`pyproxy-ha status`: asks the running daemon, shows a table, JSON, or the table again and again."""

from __future__ import annotations

import getopt
import json
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

from proxy.ha.conf.model import Global
from proxy.ha.daemon.arguments import Arguments, settle_pid_files
from proxy.ha.daemon.children import status_path
from proxy.ha.log import to_terminal
from proxy.ha.speaker.status import table

USAGE = """usage: pyproxy-ha status [--json | --watch[=SECONDS]] [-r VRRP_PID_FILE | -s SOCKET]

  --json        everything, for programs
  --watch       the table again every second, until interrupted
"""
MAX_OCTETS = 64 * 1024 * 1024
TIMEOUT_S = 5.0


def status_command(words: Sequence[str]) -> int:
    """Run the subcommand; 0, or 1 when nobody answers."""
    try:
        # `--watch` may have a value or none, which getopt does not know.
        plain = ["--watch=1" if word == "--watch" else word for word in words]
        options, rest = getopt.gnu_getopt(plain, "r:s:h", ["json", "watch=", "vrrp_pid=", "socket=", "help"])
    except getopt.GetoptError as error:
        to_terminal(f"pyproxy-ha status: {error.msg}\n{USAGE}")
        return 1
    usual = Arguments()
    settle_pid_files(usual, Global())
    path, as_json, every_s = status_path(usual.vrrp_pid_file), False, 0.0
    for flag, value in options:
        if flag in ("-h", "--help"):
            sys.stdout.write(USAGE)
            return 0
        if flag in ("-r", "--vrrp_pid"):
            path = status_path(value)
        elif flag in ("-s", "--socket"):
            path = value
        elif flag == "--json":
            as_json = True
        else:
            try:
                every_s = min(max(float(value), 0.1), 3600.0)
            except ValueError:
                to_terminal(f"pyproxy-ha status: --watch={value}: not a number of seconds\n{USAGE}")
                return 1
    if rest:
        to_terminal(f"pyproxy-ha status: '{rest[0]}' is no option\n{USAGE}")
        return 1
    return _show(path, as_json, every_s)


def _show(path: str, as_json: bool, every_s: float) -> int:
    while True:
        try:
            found = ask(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            to_terminal(f"pyproxy-ha status: no answer from {path}: {reason}\n"
                        f"  is the daemon running, and is -r its VRRP pid file?")
            return 1
        clear = "\x1b[H\x1b[2J" if every_s and sys.stdout.isatty() else ""
        sys.stdout.write(clear + (json.dumps(found, indent=2) + "\n" if as_json else table(found)))
        sys.stdout.flush()
        if not every_s:
            return 0
        time.sleep(every_s)


def ask(path: str) -> dict[str, Any]:
    """What the daemon answers.

    Raises: OSError, ValueError.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT_S)
        sock.connect(path)
        sock.sendall(b"status\n")
        octets = bytearray()
        while chunk := sock.recv(1 << 16):
            octets += chunk
            if len(octets) > MAX_OCTETS:
                raise ValueError("the answer has no end")
    found: dict[str, Any] = json.loads(octets)
    return found
