"""The command line, as keepalived's: short options combine (`-nlD`), values follow or are attached, long ones take `=`.

Source: keepalived(8), "OPTIONS".
"""

from __future__ import annotations

import getopt
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.base.errors import PyproxyError
from proxy.ha.conf.model import Global
from proxy.ha.log import LogOptions

DEFAULT_FILE = "/etc/keepalived/keepalived.conf"
FACILITIES = {**{str(number): f"local{number}" for number in range(8)},
              **{f"local{number}": f"local{number}" for number in range(8)},
              "user": "user", "daemon": "daemon"}


class UsageError(PyproxyError):
    """Words that are no command line of ours; the message is for the user."""


@dataclass(slots=True)
class Arguments:
    """What the command line asks for; None is "not written" where the configuration decides."""

    file: str = DEFAULT_FILE
    check: bool = False                    # -t
    check_log: str = ""                    # --config-test=FILE
    foreground: bool = False               # -n
    console: bool = False                  # -l
    detailed: bool = False                 # -D
    facility: str = "daemon"               # -S
    log_file: str = ""                     # -g
    syslog: bool = True                    # -G
    pid_file: str = ""                     # these three: "" where the configuration decides (`settle_pid_files`)
    vrrp_pid_file: str = ""
    checkers_pid_file: str = ""
    namespace: str = ""                    # -s
    config_id: str | None = None           # -i
    vrrp: bool = True                      # -P alone
    checkers: bool = True                  # -C alone
    keep_addresses: bool = False           # -V
    keep_virtual_servers: bool = False     # -I
    respawn: bool = True                   # -R
    dump: bool = False                     # -d
    umask: int | None = None               # -u
    version: bool = False
    help: bool = False
    signum: str = ""

    def log_options(self) -> LogOptions:
        """Where this process and its children speak."""
        return LogOptions(self.console, self.syslog and not self.console, self.facility, self.log_file, self.detailed)


def settle_pid_files(arguments: Arguments, global_: Global) -> None:
    """Name the pid files that the command line does not name, as keepalived does: `instance`, `net_namespace`, `use_pid_dir`."""
    name = "_".join(filter(None, (arguments.namespace or global_.net_namespace, global_.instance)))
    if name or global_.use_pid_dir:
        suffix = f"_{name}" if name else ""
        usual = [f"/run/keepalived/{each}{suffix}.pid" for each in ("keepalived", "vrrp", "checkers")]
    else:
        usual = ["/run/keepalived.pid", "/run/keepalived_vrrp.pid", "/run/keepalived_checkers.pid"]
    arguments.pid_file = arguments.pid_file or usual[0]
    arguments.vrrp_pid_file = arguments.vrrp_pid_file or usual[1]
    arguments.checkers_pid_file = arguments.checkers_pid_file or usual[2]


# Short letter, long name, whether a value follows ("" no, "=" yes, "?" only attached), what it does.
Setter = Callable[[Arguments, str], None]


def _sets(name: str, value: object = True) -> Setter:
    def set_it(arguments: Arguments, word: str) -> None:
        setattr(arguments, name, value)

    return set_it


def _text(name: str) -> Setter:
    def set_it(arguments: Arguments, word: str) -> None:
        setattr(arguments, name, word)

    return set_it


def _check(arguments: Arguments, word: str) -> None:
    arguments.check, arguments.check_log = True, word


def _facility(arguments: Arguments, word: str) -> None:
    if word.lower() not in FACILITIES:
        raise UsageError(f"'{word}' is no syslog facility: 0 to 7, local0 to local7, user or daemon")
    arguments.facility = FACILITIES[word.lower()]


def _umask(arguments: Arguments, word: str) -> None:
    digits = word.removeprefix("0o")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 4 and set(digits) <= set("01234567")):
        raise UsageError(f"'{word}' is no umask: write an octal number such as 022")
    arguments.umask = int(digits, 8)


def _only(which: str) -> Setter:
    def set_it(arguments: Arguments, word: str) -> None:
        if arguments.vrrp and arguments.checkers:
            arguments.vrrp = arguments.checkers = False
        setattr(arguments, which, True)

    return set_it


def _nothing(arguments: Arguments, word: str) -> None:
    """Accepted: it is so anyway, or tunes what is not here."""


OPTIONS: tuple[tuple[str, str, str, Setter, str], ...] = (
    ("f", "use-file", "=", _text("file"), "FILE  the configuration (default /etc/keepalived/keepalived.conf)"),
    ("t", "config-test", "?", _check, "check the configuration and exit: 0, or 5 with errors, 6 without a file"),
    ("n", "dont-fork", "", _sets("foreground"), "stay in the foreground"),
    ("l", "log-console", "", _sets("console"), "log to the terminal"),
    ("D", "log-detail", "", _sets("detailed"), "log details"),
    ("S", "log-facility", "=", _facility, "0-7|local0-7|user|daemon  the syslog facility (default daemon)"),
    ("g", "log-file", "=", _text("log_file"), "FILE  log to a file too"),
    ("G", "no-syslog", "", _sets("syslog", False), "log nothing to syslog"),
    ("p", "pid", "=", _text("pid_file"), "FILE  pid file (default /run/keepalived.pid)"),
    ("r", "vrrp_pid", "=", _text("vrrp_pid_file"), "FILE  pid file of the VRRP child"),
    ("c", "checkers_pid", "=", _text("checkers_pid_file"), "FILE  pid file of the checkers child"),
    ("s", "namespace", "=", _text("namespace"), "NAME  run in this network namespace"),
    ("i", "config-id", "=", _text("config_id"), "ID  what @ID lines are compared with (default: the host's name)"),
    ("P", "vrrp", "", _only("vrrp"), "only VRRP"),
    ("C", "check", "", _only("checkers"), "only virtual servers and their checks"),
    ("V", "dont-release-vrrp", "", _sets("keep_addresses"), "leave addresses and routes when stopping"),
    ("I", "dont-release-ipvs", "", _sets("keep_virtual_servers"), "leave virtual servers when stopping"),
    ("R", "dont-respawn", "", _sets("respawn", False), "end when a child has ended"),
    ("d", "dump-conf", "", _sets("dump"), "log what the configuration comes to"),
    ("u", "umask", "=", _umask, "OCTAL  the umask"),
    ("v", "version", "", _sets("version"), "show the version and exit"),
    ("h", "help", "", _sets("help"), "show this and exit"),
    ("X", "release-vips", "", _nothing, "accepted: addresses are released when stopping"),
    ("e", "all-config", "", _nothing, "accepted"),
    ("B", "no_bfd", "", _nothing, "accepted: there is no BFD here"),
    ("x", "snmp", "", _nothing, "accepted: there is no SNMP agent here"),
    ("a", "address-monitoring", "", _nothing, "accepted"),
    ("m", "core-dump", "", _nothing, "accepted"),
    ("b", "bfd_pid", "=", _nothing, "FILE  accepted"),
    ("A", "snmp-agent-socket", "=", _nothing, "NAME  accepted"),
    ("", "flush-log-file", "", _nothing, "accepted: every line is written at once"),
    ("", "all", "", _nothing, "accepted"),
    ("", "no-mem-check", "", _nothing, "accepted"),
    ("", "signum", "=", _text("signum"), "STOP|RELOAD|DATA|STATS|STATS_CLEAR|JSON  show the number of a signal"),
)
JSON_SIGNAL, CLEAR_SIGNAL = signal.SIGRTMIN + 2, signal.SIGRTMIN + 3
SIGNALS: dict[str, int] = {"STOP": signal.SIGTERM, "RELOAD": signal.SIGHUP, "DATA": signal.SIGUSR1, "STATS": signal.SIGUSR2,
                           "JSON": JSON_SIGNAL,
           "STATS_CLEAR": CLEAR_SIGNAL}


def parse_arguments(words: Sequence[str]) -> Arguments:
    """Read the words after the program's name.

    Raises: UsageError.
    """
    short = "".join(letter + (":" if value == "=" else "") for letter, _, value, _, _ in OPTIONS if letter)
    # getopt knows no value that may be left out: `--config-test=FILE` is told apart before.
    plain = [word for word in words if not word.startswith("--config-test=")]
    arguments = Arguments()
    for word in words:
        if word.startswith("--config-test="):
            _check(arguments, word.partition("=")[2])
    try:
        found, rest = getopt.gnu_getopt(list(plain), short,
                                        [name + ("=" if value == "=" else "") for _, name, value, _, _ in OPTIONS])
    except getopt.GetoptError as error:
        raise UsageError(f"{error.msg}; pyproxy-ha -h shows what there is") from None
    if rest:
        raise UsageError(f"'{rest[0]}' is no option; a configuration file follows -f: pyproxy-ha -f {rest[0]}")
    by_flag = {f"-{letter}": setter for letter, _, _, setter, _ in OPTIONS if letter} | {f"--{name}": setter for _, name, _,
                                                                                         setter, _ in OPTIONS}
    for flag, value in found:
        by_flag[flag](arguments, value)
    return arguments


def help_text() -> str:
    """What -h shows."""
    lines = ["usage: pyproxy-ha [option...]", "       pyproxy-ha status [--json | --watch] [-r FILE]",
             "       pyproxy-ha ipvsadm -Ln [--rate | --stats | --json] [-c FILE]", ""]
    for letter, name, _, _, what in OPTIONS:
        if not what.startswith("accepted"):
            lines.append(f"  {f'-{letter}, ' if letter else '    '}--{name:<20} {what}")
    accepted = ", ".join(f"-{letter}" if letter else f"--{name}" for letter, name, _, _,
                         what in OPTIONS if what.startswith("accepted"))
    return "\n".join([*lines, "", f"accepted, of keepalived's: {accepted}", ""])
