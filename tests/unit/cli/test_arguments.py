"""The command line's words, one flag each, from left to right."""

from __future__ import annotations

import pytest

from proxy.cli.arguments import Arguments, UsageError, parse_arguments, words_for_a_worker


def test_the_reload_recipe() -> None:
    arguments = parse_arguments(["-f", "a.cfg", "-D", "-p", "/run/x.pid", "-sf", "12", "34"])
    assert arguments.files == ["a.cfg"]
    assert arguments.daemon
    assert arguments.pidfile == "/run/x.pid"
    assert arguments.finish_pids == [12, 34]


def test_a_list_of_pids_ends_at_the_next_option_and_may_be_empty() -> None:
    arguments = parse_arguments(["-sf", "-st", "7", "8", "-f", "a.cfg", "-sf", "9"])
    assert (arguments.finish_pids, arguments.terminate_pids, arguments.files) == ([9], [7, 8], ["a.cfg"])


def test_a_pid_file_of_several_lines_may_come_as_one_word() -> None:
    assert parse_arguments(["-sf", "12\n34\n"]).finish_pids == [12, 34]


@pytest.mark.parametrize("pid", ["0", "abc", "1_0", "+5", "\u0661", "99999999999"])
def test_what_is_no_process_id_is_refused(pid: str) -> None:
    with pytest.raises(UsageError, match="-sf"):
        parse_arguments(["-sf", pid])


def test_everything_behind_two_dashes_is_a_file() -> None:
    assert parse_arguments(["-f", "a", "--", "-c", "b"]).files == ["a", "-c", "b"]


def test_the_last_of_contrary_flags_counts() -> None:
    assert parse_arguments(["-q", "-V"]).quiet is False
    assert parse_arguments(["-V", "-q"]).quiet is True
    assert parse_arguments(["-D", "-db"]).foreground is True
    assert parse_arguments(["-db", "-D"]).foreground is False


def test_d_is_the_foreground_too() -> None:
    arguments = parse_arguments(["-d"])
    assert arguments.debug
    assert arguments.foreground


def test_the_families_of_d() -> None:
    arguments = parse_arguments(["-dMno-merge", "-dM50", "-dI", "-dW", "-dr", "-dD", "-dKall", "-dCsecret", "-dt", "-dtfoo"])
    assert arguments.zero_warning
    assert arguments.ignore_resolution
    assert arguments.diagnose
    assert arguments.dump_keywords == "all"
    assert arguments.dump_configuration == "secret"
    assert arguments.not_acted_on == []


def test_dC_and_dK_alone() -> None:
    arguments = parse_arguments(["-dC", "-dK"])
    assert (arguments.dump_configuration, arguments.dump_keywords) == ("", "help")


@pytest.mark.parametrize("flag", ["-de", "-dp", "-dk", "-dv", "-dc", "-dG", "-dF", "-dZ", "-dT"])
def test_what_tunes_nothing_here_is_taken_without_a_word(flag: str) -> None:
    assert parse_arguments([flag]) == Arguments()


def test_dS_forbids_splicing() -> None:
    assert parse_arguments(["-dS"]) == Arguments(forbid_splicing=True)


@pytest.mark.parametrize("words", [["-W"], ["-Ws"]])
def test_master_worker_is_remembered(words: list[str]) -> None:
    assert parse_arguments(words).master_worker


def test_where_sockets_come_from_and_where_a_master_listens() -> None:
    arguments = parse_arguments(["-x", "/s", "-S", "/m,mode,600"])
    assert (arguments.old_socket, arguments.master_socket, arguments.master_line) == ("/s", "/m,mode,600", -1)
    assert parse_arguments(["-x", "sockpair@7"]).master_line == 7


@pytest.mark.parametrize("word", ["sockpair@", "sockpair@2", "sockpair@x"])
def test_a_line_to_no_master(word: str) -> None:
    with pytest.raises(UsageError):
        parse_arguments(["-x", word])


def test_the_words_of_the_next_worker() -> None:
    words = ["-W", "-sf", "1", "2", "-x", "/s", "-f", "a b", "-st", "3", "-p", "-1", "--", "-sf"]
    assert words_for_a_worker(words, [9], 5) == [
        "-sf", "9", "-x", "sockpair@5", "-W", "-f", "a b", "-p", "-1", "--", "-sf"]
    assert parse_arguments(words_for_a_worker(["-W", "-f", "cfg"], [], 5)).master_line == 5


@pytest.mark.parametrize("words", [["-4"], ["-dR"], ["-dV"], ["-dA"], ["-m", "50"]])
def test_what_would_do_something_in_haproxy_is_remembered_to_be_told(words: list[str]) -> None:
    assert parse_arguments(words).not_acted_on == [" ".join(words)]


def test_numbers() -> None:
    arguments = parse_arguments(["-n", "100", "-N", "20", "-L", "me", "-C", "/tmp"])
    assert (arguments.maxconn, arguments.proxy_maxconn, arguments.local_peer, arguments.directory) == (100, 20, "me", "/tmp")


@pytest.mark.parametrize("flag", ["-n", "-N", "-m"])
@pytest.mark.parametrize("value", ["x", "1k", "1_000", "\u0663", "4294967296", ""])
def test_what_is_no_number_is_refused(flag: str, value: str) -> None:
    with pytest.raises(UsageError, match=flag):
        parse_arguments([flag, value])


@pytest.mark.parametrize("flag", ["-f", "-C", "-cc", "-p", "-n", "-N", "-m", "-L", "-x", "-S"])
@pytest.mark.parametrize("rest", [[], ["-c"]])
def test_a_flag_without_its_value(flag: str, rest: list[str]) -> None:
    with pytest.raises(UsageError, match=f"{flag} needs"):
        parse_arguments([flag, *rest])


def test_a_value_may_be_a_negative_number() -> None:
    assert parse_arguments(["-cc", "-1"]).condition == "-1"


def test_letters_do_not_combine() -> None:
    with pytest.raises(UsageError, match="write: -q -c"):
        parse_arguments(["-qc", "-f", "x"])


def test_a_near_flag_is_named() -> None:
    with pytest.raises(UsageError, match="did you mean '--help'"):
        parse_arguments(["--hlep"])


def test_a_bare_file_name_gets_the_right_spelling() -> None:
    with pytest.raises(UsageError, match=r"pyproxy -f haproxy\.cfg"):
        parse_arguments(["haproxy.cfg"])


def test_versions() -> None:
    assert [parse_arguments([word]).version for word in ("-v", "--version", "-vv")] == [1, 1, 2]
    assert parse_arguments(["-h"]).help
    assert parse_arguments(["--help"]).help
