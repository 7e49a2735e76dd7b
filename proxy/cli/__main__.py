"""The command `pyproxy`: words in, an exit status out.

Nothing that goes wrong shows a traceback: what a user did wrong has its own message, what we did wrong is an alert that asks
for a report (with -d, the place in the program follows).
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from proxy.base.errors import ConfigError, StartError
from proxy.base.machine_code import is_machine_code
from proxy.cli.arguments import Arguments, UsageError, parse_arguments, words_for_a_worker
from proxy.cli.help_text import HELP, USAGE
from proxy.cli.messages import Messages
from proxy.cli.version_text import build_text, libraries_text, start_text, version_text
from proxy.config.model import Configuration

if TYPE_CHECKING:
    from proxy.master.mworker.line import MasterLine
    from proxy.master.mworker.master import NextWorker

STREAMS = ("stdin", "stdout", "stderr")
OUTPUT_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
HELD_UNTIL_READY = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTOU, signal.SIGTTIN)
"""What would end a process that does not handle it yet; `Signals.release` lets them in once it serves."""
YOUNG_OBJECTS = 20_000
"""Made before cycles are looked for among them: a start's stay, requests leave none and have many at work."""
NOT_COMPILED = "the data plane is not compiled: the Python sources run, which work the same but cost more."
NOT_COMPILED_HINT = "install from a wheel, or with a C compiler; PYPROXY_PURE=1 says that this is meant"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status; a hard stop dies by its signal instead.

    With `argv` None this is the process's own command line: SIGINT ends it at once until the proxies run, unless whoever
    started it in the background has it ignored.
    """
    if argv is None:
        gc.set_threshold(YOUNG_OBJECTS)
        open_standard_streams()
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        argv = sys.argv[1:]
    messages = Messages()
    try:
        status = _command(argv, messages)
        sys.stdout.flush()
        return status
    except BrokenPipeError:                 # the reader of our output has seen enough
        _give_up_output()
        return 1
    except Exception as error:
        if isinstance(error, OSError) and error.errno in OUTPUT_FULL:
            _give_up_output()
            messages.alert(f"cannot write to the standard output: {error.strerror}")
            return 1
        return _our_fault(error, messages, "-d" in argv)


def open_standard_streams() -> None:
    """Whoever closed our standard streams gets /dev/null: a socket must not take their numbers, nor a message end in one."""
    for descriptor, mode in ((0, "r"), (1, "w"), (2, "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)       # the lowest number that is free: this one
            assert null == descriptor
            setattr(sys, STREAMS[descriptor], os.fdopen(null, mode, encoding="utf-8"))


def _give_up_output() -> None:
    """What is still to be written, at the latest when Python ends, goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _command(argv: Sequence[str], messages: Messages) -> int:
    if list(argv[:1]) == ["demo"]:
        from proxy.cli.demo import demo

        return demo(argv[1:], messages)
    try:
        arguments = parse_arguments(argv)
    except UsageError as error:
        sys.stdout.write(version_text() + USAGE)
        messages.alert(str(error))
        return 1
    messages.quiet = arguments.quiet
    if arguments.help:
        sys.stdout.write(version_text() + "\n" + HELP)
        return 0
    if arguments.version:
        sys.stdout.write(version_text() + ("\n" + build_text() if arguments.version > 1 else ""))
        return 0
    return _act(arguments, messages)


def _act(arguments: Arguments, messages: Messages) -> int:
    if arguments.condition is not None:
        return evaluate_condition(arguments.condition, messages)
    try:
        arguments.started_in = os.getcwd()
    except OSError:                             # it is gone: then nothing was given relative to it
        arguments.started_in = "/"
    if arguments.directory:
        try:
            os.chdir(arguments.directory)
        except OSError as error:
            messages.alert(f"Could not change to directory {arguments.directory} : {error.strerror}")
            return 1
    if not arguments.files:
        if arguments.dump_keywords is not None:
            return list_keywords(arguments.dump_keywords)
        sys.stdout.write(version_text() + USAGE)
        return 1
    for flag in arguments.not_acted_on:
        messages.remark(f"'{flag}' is accepted and does nothing here.")
    line = None
    if arguments.master_line >= 0 and not arguments.check:
        from proxy.master.mworker.line import line_of

        try:
            line = line_of(arguments.master_line)
        except StartError as error:
            messages.start_failed(error)
            return 1
        messages.copied_to = line.told
    return run_configuration(arguments, messages, line)


def evaluate_condition(text: str, messages: Messages) -> int:
    """`-cc`: 0 true, 1 false, 2 no valid condition."""
    from proxy.config.conditions import ConditionError, evaluate

    try:
        return 0 if evaluate(text, os.environ) else 1
    except ConditionError as error:
        messages.alert(f"config : Failed to evaluate condition: {error.message}", error.hint)
        return 2


def list_keywords(classes: str) -> int:
    """`-dK`."""
    from proxy.config.dump import dump_keywords

    sys.stdout.write(dump_keywords(classes))
    return 0


def run_configuration(arguments: Arguments, messages: Messages, line: MasterLine | None = None) -> int:
    """Load the configuration, then check it only, or run it: as it is, with a master, or as the worker of one (`line`)."""
    if not arguments.check:
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD_UNTIL_READY)
    from proxy.cli.loading import load_files

    if arguments.master_worker:
        os.environ["HAPROXY_MWORKER"] = "1"     # for the configuration
    try:
        configuration = load_files(arguments, messages)
    except ConfigError:
        return 1
    if arguments.dump_keywords is not None:
        list_keywords(arguments.dump_keywords)
    if arguments.list_libraries:
        sys.stdout.write(libraries_text())
    messages.quiet = arguments.quiet or (configuration.global_.quiet and not arguments.verbose)
    if arguments.check:
        return _checked(configuration, messages)
    from proxy.master.lifecycle import StartOptions, run
    from proxy.master.mworker.start import run_master

    settings = configuration.global_
    if not is_machine_code() and "PYPROXY_PURE" not in os.environ:
        messages.remark(NOT_COMPILED, NOT_COMPILED_HINT)
    loop_kind = os.environ.get("PYPROXY_LOOP", "uvloop")
    tells_more = arguments.verbose or (arguments.debug and not arguments.quiet)
    if tells_more:
        sys.stdout.write(start_text(loop_kind))
        sys.stdout.flush()
    is_worker = line is not None
    options = StartOptions(
        daemon=not is_worker and not arguments.foreground and (arguments.daemon or settings.daemon),
        debug=arguments.debug,
        verbose=tells_more,
        pidfile="" if is_worker else arguments.pidfile,
        finish_pids=tuple(arguments.finish_pids),
        terminate_pids=tuple(arguments.terminate_pids),
        notify_systemd=not is_worker,
        zero_warning=arguments.zero_warning or settings.zero_warning,
        loop_kind=loop_kind,
        line=line,
        old_socket=arguments.old_socket,
        master_socket=arguments.master_socket,
    )
    if not is_worker and (arguments.master_worker or settings.master_worker):
        outcome = run_master(configuration, options, messages, _next_worker(arguments))
    else:
        outcome = run(configuration, options, messages)
    if outcome.killed_by is not None:
        _die_by(outcome.killed_by)
    return outcome.status


def _next_worker(arguments: Arguments) -> NextWorker:
    """How this program was started, for the master that starts it again."""
    from proxy.master.mworker.master import NextWorker

    program = sys.orig_argv[1 : len(sys.orig_argv) - len(arguments.words)]
    return NextWorker(
        sys.executable, lambda old, line: [*program, *words_for_a_worker(arguments.words, old, line)], arguments.started_in)


def _checked(configuration: Configuration, messages: Messages) -> int:
    """`-c`, once the text is right."""
    from proxy.cli.loading import has_listener
    from proxy.master.rehearsal import rehearse

    try:
        rehearse(configuration, messages.warning)
    except StartError as error:
        messages.start_failed(error)
        return 1
    return _verdict(has_listener(configuration), messages)


def _verdict(has_listener: bool, messages: Messages) -> int:
    if not messages.quiet:
        if messages.warnings_count:
            print("Warnings were found.")
        if has_listener:
            print("Configuration file is valid")
        else:
            print("Configuration file has no error but will not start (no listener) => exit(2).")
    return 0 if has_listener else 2


def _die_by(number: signal.Signals) -> None:
    """End by the signal that asked for it, so that whoever waits for us sees it."""
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _our_fault(error: Exception, messages: Messages, debug: bool) -> int:
    place = traceback.extract_tb(error.__traceback__)[-1]
    messages.alert(
        f"internal error: {type(error).__name__}: {error}",
        f"at {os.path.basename(place.filename)}:{place.lineno}; this is a bug in pyproxy, please report it,\n"
        "with what -d adds, and with the configuration (-dC<key> leaves out what is nobody's business)",
    )
    if debug:
        traceback.print_exception(error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
