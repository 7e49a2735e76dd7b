"""The command `pyproxy-ha`: words in, an exit status out. Nothing that goes wrong shows a traceback.

    0  ended as asked, or checked without errors        1  wrong words on the command line
    2  cannot begin: an interface, a capability         5  -t: the configuration has errors       6  no configuration file
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

from proxy.base.errors import StartError
from proxy.ha.conf.model import Configuration
from proxy.ha.daemon.arguments import SIGNALS, Arguments, UsageError, help_text, parse_arguments, settle_pid_files
from proxy.ha.daemon.background import to_background
from proxy.ha.daemon.children import VRRP
from proxy.ha.daemon.namespace import enter_namespace
from proxy.ha.daemon.parent import Parent
from proxy.ha.daemon.pidfile import PidFile
from proxy.ha.daemon.reading import read_in_child
from proxy.ha.log import ProcessLog, our_fault, to_terminal

EXIT_USAGE, EXIT_START, EXIT_ERRORS, EXIT_NO_FILE = 1, 2, 5, 6
IDENT = "Keepalived"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):       # names may have characters that the terminal's encoding has not
            stream.reconfigure(errors="backslashreplace")
    try:
        if words[:1] == ["status"]:
            from proxy.ha.daemon.status_command import status_command

            return status_command(words[1:])
        if words[:1] == ["ipvsadm"]:
            from proxy.ha.daemon.ipvsadm_command import ipvsadm_command

            return ipvsadm_command(words[1:])
        return _command(words)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        to_terminal(f"pyproxy-ha: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        return EXIT_START
    except Exception as error:
        to_terminal(f"pyproxy-ha: internal error: {our_fault(error)}")
        return EXIT_START


def _command(words: list[str]) -> int:
    try:
        arguments = parse_arguments(words)
    except UsageError as error:
        to_terminal(f"pyproxy-ha: {error}")
        return EXIT_USAGE
    if arguments.help:
        sys.stdout.write(help_text())
        return 0
    if arguments.version:
        sys.stdout.write(version_text())
        return 0
    if arguments.signum:
        if arguments.signum not in SIGNALS:
            to_terminal(f"pyproxy-ha: unknown signal '{arguments.signum}': {', '.join(SIGNALS)}")
            return EXIT_USAGE
        sys.stdout.write(f"{int(SIGNALS[arguments.signum])}\n")
        return 0
    return check(arguments) if arguments.check else serve(arguments)


def version_text() -> str:
    """What -v shows."""
    from proxy import __version__

    return f"pyproxy-ha {__version__}, VRRP and virtual servers from keepalived.conf\n"


def check(arguments: Arguments) -> int:
    """`-t`: say everything that is wrong, interfaces included."""
    reading = read_in_child(arguments.file, arguments.config_id)
    text, errors = reading.messages, reading.errors
    if reading.configuration is not None:
        try:
            enter_namespace(arguments.namespace or reading.configuration.global_.net_namespace)
            missing = missing_interfaces(reading.configuration)
        except StartError as error:
            missing = [f"{error.message}\n  {error.hint}"]
        errors += len(missing)
        text += "".join(line + "\n" for line in missing)
    if arguments.check_log:
        try:
            with open(arguments.check_log, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError as error:
            to_terminal(f"cannot write {arguments.check_log}: {error.strerror}")
            return EXIT_USAGE
    elif text:
        to_terminal(text)
    if reading.configuration is None:
        return EXIT_NO_FILE
    return EXIT_ERRORS if errors else 0


def missing_interfaces(configuration: Configuration) -> list[str]:
    """What is to be said of interfaces that are not there."""
    if configuration.global_.dynamic_interfaces:
        return []
    there = {name for _, name in socket.if_nameindex()}
    return [f"[WARNING]  ({os.getpid()}) : config : [{each.where}] : "
            f"interface {each.interface} of vrrp_instance {each.name} doesn't exist\n"
            f"  there are: {', '.join(sorted(there - {'lo'})) or 'none'}" for each in configuration.instances
            if each.interface and each.interface not in there]


def _log(arguments: Arguments) -> ProcessLog:
    """The log.

    Raises: StartError when its file cannot be written.
    """
    try:
        return ProcessLog(IDENT, arguments.log_options())
    except OSError as error:
        raise StartError("log", f"cannot write log file {arguments.log_file}: {error.strerror}",
                         "name another with -g") from None


def serve(arguments: Arguments) -> int:
    """Run the daemon."""
    # What the children need is loaded while the file is read: they start at once, and share it.
    reading = read_in_child(arguments.file, arguments.config_id, lambda: import_module(VRRP.module))
    if reading.configuration is None:
        to_terminal(reading.messages)
        return EXIT_NO_FILE
    settle_pid_files(arguments, reading.configuration.global_)
    umask = arguments.umask if arguments.umask is not None else reading.configuration.global_.umask
    os.umask(0o022 if umask is None else umask)
    try:
        enter_namespace(arguments.namespace or reading.configuration.global_.net_namespace)
        pid_file = PidFile(arguments.pid_file)
        log = _log(arguments)
    except StartError as error:
        to_terminal(f"pyproxy-ha: {error.message}" + (f"\n  {error.hint}" if error.hint else ""))
        return EXIT_START
    if reading.messages and not arguments.console:
        to_terminal(reading.messages)
    if not arguments.foreground:
        status = to_background()
        if status is not None:
            return status
    log.say("info", f"Starting {version_text().split(',')[0]}")
    for line in reading.messages.splitlines():
        log.say("warning", line)
    try:
        return Parent(arguments, reading.configuration, log).run(pid_file)
    except StartError as error:
        log.say("err", error.message + (f" ({error.hint})" if error.hint else ""))
        return EXIT_START
    finally:
        log.say("info", "Stopped")
        log.close()
