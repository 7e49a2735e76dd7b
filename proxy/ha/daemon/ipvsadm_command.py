"""`pyproxy-ha ipvsadm -Ln`: asks the running daemon, lists virtual servers as ipvsadm(8) does, whichever way they are carried."""

from __future__ import annotations

import getopt
import json
import sys
from collections.abc import Sequence

from proxy.ha.conf.model import Global
from proxy.ha.daemon.arguments import Arguments, settle_pid_files
from proxy.ha.daemon.children import status_path
from proxy.ha.daemon.status_command import ask
from proxy.ha.log import to_terminal
from proxy.ha.virtual.listing import listing

USAGE = """usage: pyproxy-ha ipvsadm -L [-n] [--rate | --stats | --json] [-c CHECKERS_PID_FILE | -s SOCKET]

  -L, -l        list the virtual servers (addresses are always numbers: -n)
  --rate        connections, packets and octets each second
  --stats       connections, packets and octets since the start
  --json        everything, for programs
"""


def ipvsadm_command(words: Sequence[str]) -> int:
    """Run the subcommand; 0, or 1 when nobody answers."""
    try:
        options, rest = getopt.gnu_getopt(list(words), "Llnc:s:h",
                                          ["list", "numeric", "rate", "stats", "json", "checkers_pid=", "socket=", "help"])
    except getopt.GetoptError as error:
        to_terminal(f"pyproxy-ha ipvsadm: {error.msg}; virtual servers are changed in the configuration file\n{USAGE}")
        return 1
    if rest:
        to_terminal(f"pyproxy-ha ipvsadm: '{rest[0]}' is no option\n{USAGE}")
        return 1
    found = dict(options)
    if "-h" in found or "--help" in found:
        sys.stdout.write(USAGE)
        return 0
    usual = Arguments()
    settle_pid_files(usual, Global())
    path = found.get("-s") or found.get("--socket") \
        or status_path(found.get("-c") or found.get("--checkers_pid") or usual.checkers_pid_file)
    try:
        answer = ask(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        to_terminal(f"pyproxy-ha ipvsadm: no answer from {path}: {reason}\n"
                    f"  is the daemon running, with a virtual_server, and is -c its checkers pid file?")
        return 1
    sys.stdout.write(json.dumps(answer, indent=2) + "\n" if "--json" in found
                     else listing(answer, rate="--rate" in found, stats="--stats" in found))
    return 0
