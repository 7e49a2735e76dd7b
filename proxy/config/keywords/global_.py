"""The `global` section: process, identity and limits. Tuning that pyproxy has no use for is in `keywords.tuning`."""

from __future__ import annotations

import re
from collections.abc import Callable

from proxy.base.errors import Where
from proxy.config.drafts import GlobalDraft
from proxy.config.keywords.row import GLOBAL, Acts, Keyword, Line, Refusal, not_yet
from proxy.config.keywords.values import integer, time_ms

Row = Keyword[GlobalDraft]
Reader = Callable[[Line, GlobalDraft], None]

ID_MAX = 2**32 - 2      # of users and groups in Linux; -1 means "leave it"
_NODE = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)


def _put_once(line: Line, draft: GlobalDraft, field: str, value: object, complaint: str) -> None:
    """HAProxy keeps the first of two, says so, and goes on."""
    if field in draft.set_at:
        line.warn(complaint, line.statement, f"it was set at {draft.set_at[field]}; remove one of the two")
        return
    _put(line.where, draft, field, value)


def _put(where: Where, draft: GlobalDraft, field: str, value: object) -> None:
    draft.settings[field] = value
    draft.set_at[field] = where


def _flag(field: str) -> Reader:
    def read(line: Line, draft: GlobalDraft) -> None:
        _put(line.where, draft, field, True)

    return read


def _number(field: str, low: int = 0, high: int | None = None, refusal: str = "", once: bool = False) -> Reader:
    def read(line: Line, draft: GlobalDraft) -> None:
        value = integer(line, 0, low, high, refusal)
        if once:
            _put_once(line, draft, field, value, f"'{line.keyword}' already specified. Continuing.")
        else:
            _put(line.where, draft, field, value)

    return read


def _text_once(field: str) -> Reader:
    def read(line: Line, draft: GlobalDraft) -> None:
        _put_once(line, draft, field, line.text(0), f"'{line.keyword}' already specified. Continuing.")

    return read


def _time(field: str) -> Reader:
    def read(line: Line, draft: GlobalDraft) -> None:
        _put(line.where, draft, field, time_ms(line, 0, f"in argument to <{line.keyword}>."))

    return read


def _read_user(line: Line, draft: GlobalDraft) -> None:
    exists = line.options.user_exists
    name = line.text(0)
    if not name or (exists is not None and not exists(name)):
        raise Refusal(f"cannot find user id for '{name}'", line.at(0), "create the user (adduser --system), or name another one")
    _identity(line, draft, "user", "uid", "user/uid already specified. Continuing.", name)


def _read_group(line: Line, draft: GlobalDraft) -> None:
    exists = line.options.group_exists
    name = line.text(0)
    if not name or (exists is not None and not exists(name)):
        raise Refusal(
            f"cannot find group id for '{name}'", line.at(0), "create the group (addgroup --system), or name another one"
        )
    _identity(line, draft, "group", "gid", "gid/group was already specified. Continuing.", name)


def _id_number(line: Line) -> int:
    value = integer(line, 0, 0, refusal=f"{line.keyword}: string '{line.text(0)}' is not a number.")
    if value > ID_MAX:
        raise Refusal(f"{line.keyword}: {value} is too large.", line.at(0), f"ids end at {ID_MAX}")
    return value


def _read_uid(line: Line, draft: GlobalDraft) -> None:
    _identity(line, draft, "uid", "user", "user/uid already specified. Continuing.", _id_number(line))


def _read_gid(line: Line, draft: GlobalDraft) -> None:
    _identity(line, draft, "gid", "group", "gid/group was already specified. Continuing.", _id_number(line))


def _identity(line: Line, draft: GlobalDraft, field: str, other: str, complaint: str, value: object) -> None:
    if field in draft.set_at or other in draft.set_at:
        line.warn(complaint, line.statement, f"it was set at {draft.set_at.get(field) or draft.set_at[other]}")
        return
    _put(line.where, draft, field, value)


def _read_master_worker(line: Line, draft: GlobalDraft) -> None:
    if line.arguments and line.text(0) != "no-exit-on-failure":
        raise Refusal("'master-worker' only supports 'no-exit-on-failure' option.", line.at(0))
    _put(line.where, draft, "master_worker", True)
    if line.arguments:
        _put(line.where, draft, "no_exit_on_failure", True)


def _read_max_reloads(line: Line, draft: GlobalDraft) -> None:
    count = integer(line, 0, 0, refusal=f"'{line.keyword}' expects a number argument.")
    _put(line.where, draft, "mworker_max_reloads", count)


def _read_node(line: Line, draft: GlobalDraft) -> None:
    if not _NODE.fullmatch(line.text(0)):
        raise Refusal(
            "'node' requires valid node name - non-empty string with digits(0-9), letters(A-Z, a-z), dot(.), hyphen(-) or "
            "underscode(_).",
            line.at(0),
        )
    _put(line.where, draft, "node", line.text(0))


def _read_description(line: Line, draft: GlobalDraft) -> None:
    _put(line.where, draft, "description", " ".join(line.texts()))


def _read_log_tag(line: Line, draft: GlobalDraft) -> None:
    _put(line.where, draft, "log_tag", line.text(0))


def _read_log_send_hostname(line: Line, draft: GlobalDraft) -> None:
    _put(line.where, draft, "log_send_hostname", line.text(0))


def _read_localpeer(line: Line, draft: GlobalDraft) -> None:
    _put(line.where, draft, "localpeer", line.text(0))


def _read_nbthread(line: Line, draft: GlobalDraft) -> None:
    text = line.text(0)
    value = integer(line, 0, refusal=f"'nbthread' passed a missing or unparsable integer value in '{text}'")
    if not 1 <= value <= 64:
        raise Refusal(f"'nbthread' value must be between 1 and 64 (was {value})", line.at(0))
    _put(line.where, draft, "nbthread", value)


def _read_spread_checks(line: Line, draft: GlobalDraft) -> None:
    value = integer(line, 0, 0, 50, "'spread-checks' needs a positive value in range 0..50.")
    _put(line.where, draft, "spread_checks_percent", value)


def _read_max_spread_checks(line: Line, draft: GlobalDraft) -> None:
    delay_ms = time_ms(line, 0, "in 'max-spread-checks' (wants an integer delay).")
    _put(line.where, draft, "max_spread_checks_ms", delay_ms)


def _positive(field: str) -> Reader:
    def read(line: Line, draft: GlobalDraft) -> None:
        value = integer(line, 0, 1, refusal=f"'{line.keyword}' expects a positive integer argument.")
        _put(line.where, draft, field, value)

    return read


_AN_INTEGER = "'{words}' expects an integer argument."


def _limit(
    words: str, field: str, default: str = "", *, once: bool = False, manual: str = "3.2", acts: Acts = Acts.YES
) -> Row:
    read = _number(field, once=once)
    return Row(
        words, GLOBAL, "<number>", read if acts is Acts.YES else not_yet(read), manual, default, least=1, most=1, acts=acts,
        missing=_AN_INTEGER.format(words=words), loads=(f"{words} 1000",), fails=(words, f"{words} many", f"{words} 1 2"),
    )


ROWS: tuple[Row, ...] = (
    Row("daemon", GLOBAL, "", _flag("daemon"), "3.1", most=0, loads=("daemon",), fails=("daemon yes",)),
    Row("master-worker", GLOBAL, "[no-exit-on-failure]", _read_master_worker, "3.1", most=1,
        loads=("master-worker", "master-worker no-exit-on-failure"), fails=("master-worker now",)),
    Row("chroot", GLOBAL, "<jail dir>", _text_once("chroot"), "3.1", least=1, most=1,
        missing="'chroot' expects a directory as an argument.", loads=("chroot /var/empty",), fails=("chroot", "chroot /a /b")),
    Row("pidfile", GLOBAL, "<pidfile>", _text_once("pidfile"), "3.1", least=1, most=1,
        missing="'pidfile' expects a file name as an argument.", loads=("pidfile /run/haproxy.pid",), fails=("pidfile",)),
    Row("user", GLOBAL, "<user name>", _read_user, "3.1", most=1, loads=("user root",), fails=("user", "user a b")),
    Row("group", GLOBAL, "<group name>", _read_group, "3.1", most=1, loads=("group root",), fails=("group", "group a b")),
    Row("uid", GLOBAL, "<number>", _read_uid, "3.1", least=1, most=1, missing="'uid' expects an integer argument.",
        loads=("uid 1000",), fails=("uid", "uid nobody")),
    Row("gid", GLOBAL, "<number>", _read_gid, "3.1", least=1, most=1, missing="'gid' expects an integer argument.",
        loads=("gid 1000",), fails=("gid", "gid nogroup")),
    _limit("maxconn", "maxconn", "from the limit of descriptors", once=True),
    _limit("ulimit-n", "ulimit_n", "from maxconn", once=True, manual="3.1"),
    _limit("maxconnrate", "maxconnrate", acts=Acts.IGNORED),
    _limit("maxsessrate", "maxsessrate", acts=Acts.IGNORED),
    Row("nbthread", GLOBAL, "<number>", _read_nbthread, "3.1", "the usable CPUs; 1 when embedded", least=1, most=1,
        missing="'nbthread' passed a missing or unparsable integer value in ''", loads=("nbthread 4",),
        fails=("nbthread", "nbthread 0", "nbthread four", "nbthread 65")),
    Row("log-tag", GLOBAL, "<string>", _read_log_tag, "3.1", "the program's name", least=1, most=1,
        missing="'log-tag' expects a tag for use in syslog.", loads=("log-tag lb1",), fails=("log-tag", "log-tag a b")),
    Row("log-send-hostname", GLOBAL, "[<string>]", _read_log_send_hostname, "3.1", most=1,
        loads=("log-send-hostname", "log-send-hostname lb1"), fails=("log-send-hostname a b",)),
    Row("node", GLOBAL, "<name>", _read_node, "3.1", "the machine's name", most=1, loads=("node lb-1.example",),
        fails=("node", "node a/b", "node a b")),
    Row("description", GLOBAL, "<text>", _read_description, "3.1", least=1, missing="'description' expects a string argument.",
        loads=("description the front door",), fails=("description",)),
    Row("localpeer", GLOBAL, "<name>", not_yet(_read_localpeer, "there are no peers"), "3.1", "the machine's name",
        acts=Acts.IGNORED, least=1, most=1,
        missing="'localpeer' expects a name as an argument.", loads=("localpeer lb1",), fails=("localpeer",)),
    Row("mworker-max-reloads", GLOBAL, "<number>", _read_max_reloads, "3.1", "no limit", least=1, most=1,
        loads=("mworker-max-reloads 10",), fails=("mworker-max-reloads", "mworker-max-reloads few")),
    Row("hard-stop-after", GLOBAL, "<time>", _time("hard_stop_after_ms"), "3.1", "never", least=1, most=1,
        missing="'hard-stop-after' expects <time> as argument.", loads=("hard-stop-after 30s",),
        fails=("hard-stop-after", "hard-stop-after soon")),
    Row("grace", GLOBAL, "<time>", not_yet(_time("grace_ms")), "3.1", "0", acts=Acts.IGNORED, least=1, most=1,
        missing="'grace' expects <time> as argument.", loads=("grace 5s",), fails=("grace", "grace soon")),
    Row("close-spread-time", GLOBAL, "<time>", not_yet(_time("close_spread_time_ms")), "3.1", acts=Acts.IGNORED, least=1, most=1,
        missing="'close-spread-time' expects <time> as argument.", loads=("close-spread-time 5s",),
        fails=("close-spread-time", "close-spread-time soon")),
    Row("spread-checks", GLOBAL, "<0..50, in percent>", _read_spread_checks, "3.2", "0", least=1, most=1,
        missing="'spread-checks' expects an integer argument (0..50).", loads=("spread-checks 5",),
        fails=("spread-checks", "spread-checks 51", "spread-checks wide")),
    Row("max-spread-checks", GLOBAL, "<delay>", _read_max_spread_checks, "3.2", least=1, most=1,
        missing="'max-spread-checks' expects an integer argument (0..50).", loads=("max-spread-checks 5s",),
        fails=("max-spread-checks", "max-spread-checks wide")),
    Row("tune.bufsize", GLOBAL, "<number>", _positive("bufsize"), "3.2", "16384", least=1, most=1,
        missing="'tune.bufsize' expects an integer argument.", loads=("tune.bufsize 32768",),
        fails=("tune.bufsize", "tune.bufsize 0", "tune.bufsize big")),
    _limit("tune.maxrewrite", "maxrewrite", "1024"),
    Row("tune.http.maxhdr", GLOBAL, "<number>",
        _number("http_maxhdr", 1, 32767, "'tune.http.maxhdr' expects a numeric value between 1 and 32767"), "3.2", "101",
        least=1, most=1, missing="'tune.http.maxhdr' expects an integer argument.", loads=("tune.http.maxhdr 200",),
        fails=("tune.http.maxhdr", "tune.http.maxhdr 0", "tune.http.maxhdr 40000")),
    _limit("tune.http.cookielen", "http_cookielen", "63", acts=Acts.IGNORED),
    _limit("tune.http.logurilen", "http_logurilen", "1024"),
    Row("tune.maxaccept", GLOBAL, "<number>", not_yet(_number("maxaccept", -1)), "3.2", acts=Acts.IGNORED, least=1, most=1,
        missing="'tune.maxaccept' expects an integer argument.", loads=("tune.maxaccept 100", "tune.maxaccept -1"),
        fails=("tune.maxaccept", "tune.maxaccept lots")),
    *(Row(f"tune.pool-{which}-fd-ratio", GLOBAL, "<number>",
          not_yet(_number(f"pool_{which}_fd_ratio", 0, 100,
                          f"'tune.pool-{which}-fd-ratio' expects an integer argument between 0 and 100.")),
          "3.2", default, least=1, most=1, acts=Acts.IGNORED,
          missing=f"'tune.pool-{which}-fd-ratio' expects an integer argument between 0 and 100.",
          loads=(f"tune.pool-{which}-fd-ratio 30",),
          fails=(f"tune.pool-{which}-fd-ratio", f"tune.pool-{which}-fd-ratio 101"))
      for which, default in (("low", "20"), ("high", "25"))),
    _limit("tune.rcvbuf.client", "rcvbuf_client", "the system's", once=True, acts=Acts.IGNORED),
    _limit("tune.rcvbuf.server", "rcvbuf_server", "the system's", once=True, acts=Acts.IGNORED),
    _limit("tune.sndbuf.client", "sndbuf_client", "the system's", once=True, acts=Acts.IGNORED),
    _limit("tune.sndbuf.server", "sndbuf_server", "the system's", once=True, acts=Acts.IGNORED),
    Row("zero-warning", GLOBAL, "", _flag("zero_warning"), "3.3", most=0, loads=("zero-warning",), fails=("zero-warning 1",)),
    Row("nosplice", GLOBAL, "", _flag("nosplice"), "3.2", most=0, loads=("nosplice",), fails=("nosplice 1",)),
    Row("quiet", GLOBAL, "", _flag("quiet"), "3.3", most=0, loads=("quiet",), fails=("quiet please",)),
)
