"""The command line from words to exit status, as far as nothing is started."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from proxy.cli import __main__ as command
from proxy.cli.__main__ import main

GOOD = "defaults\n mode http\n timeout client 1s\n timeout server 1s\n timeout connect 1s\nlisten web\n bind 127.0.0.1:8080\n"


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.cfg"
    path.write_text(GOOD)
    return str(path)


def test_the_version_is_read_by_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-v"]) == 0
    assert re.match(r"HAProxy version \d+\.\d+\.\d+ .*pyproxy \d", capsys.readouterr().out)
    assert main(["-vv"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("HAProxy version ")
    assert "\n  TARGET  = linux-glibc\n" in out
    assert "\nCompiled modules : " in out


@pytest.mark.parametrize("words", [[], ["-x"], ["--nonsense"], ["haproxy.cfg"], ["-q", "-z"]])
def test_no_or_wrong_words_show_the_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    shown = capsys.readouterr()
    assert "Usage : pyproxy -f" in shown.out
    assert bool(shown.err) == bool(words)


def test_help_names_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    from proxy.cli.arguments import FLAGS

    assert main(["-h"]) == 0
    out = capsys.readouterr().out
    assert [flag for flag in FLAGS if not re.search(rf"(?m)(^|[\s,]){re.escape(flag)}\b|{re.escape(flag)} ", out)
            and flag not in ("-h", "--help", "--version", "-dt", "-dM", "-dC", "-dK")] == []


@pytest.mark.parametrize(("condition", "status"), [
    ("1", 0), ("0", 1), ("", 1), ("streq(a,a) && !feature(QUIC)", 0), ("version_atleast(2.0)", 0), ("nonsense(", 2), ("foo", 2),
])
def test_conditions(condition: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-cc", condition]) == status
    assert ("Failed to evaluate condition" in capsys.readouterr().err) == (status == 2)


def test_checking(good: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-c", "-f", good]) == 0
    assert capsys.readouterr() == ("Configuration file is valid\n", "")
    assert main(["-c", "-q", "-f", good]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["-c", "--", good]) == 0
    capsys.readouterr()
    wrong = tmp_path / "wrong.cfg"
    wrong.write_text(GOOD + " balance nothing\n nonsense\n")
    assert main(["-c", "-f", str(wrong)]) == 1
    err = capsys.readouterr().err
    assert err.startswith("[NOTICE]   (")
    assert err.count("[ALERT]") >= 3
    assert main(["-c", "-q", "-f", str(wrong)]) == 1
    assert capsys.readouterr() == ("", "")
    none = tmp_path / "none.cfg"
    none.write_text("backend b\n timeout connect 1s\n timeout server 1s\n")
    assert main(["-c", "-f", str(none)]) == 2
    assert "(no listener) => exit(2)" in capsys.readouterr().out


def test_warnings_do_not_change_the_status_unless_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "old.cfg"
    path.write_text(GOOD.replace("listen web\n bind 127.0.0.1:8080\n", "listen web 127.0.0.1:8080\n"))
    assert main(["-c", "-f", str(path)]) == 0
    shown = capsys.readouterr()
    assert shown.out == "Warnings were found.\nConfiguration file is valid\n"
    assert "[WARNING]" in shown.err
    assert main(["-c", "-dW", "-f", str(path)]) == 1


@pytest.mark.parametrize("words", [["-f", "/nowhere/at.all"], ["-C", "/nowhere", "-f", "x"]])
def test_what_is_not_there(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-c", *words]) == 1
    err = capsys.readouterr().err
    assert "/nowhere" in err
    assert "No such file or directory" in err


def test_a_directory_of_files(tmp_path: Path, good: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".hidden.cfg").write_text("nonsense\n")
    (tmp_path / "other.txt").write_text("nonsense\n")
    assert main(["-c", "-f", str(tmp_path)]) == 0
    assert "valid" in capsys.readouterr().out


def test_a_directory_without_files_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-c", "-f", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert f"no configuration file in directory '{tmp_path}'" in err
    assert "No configuration file was found." in err


def test_flags_that_do_nothing_here_say_so(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-c", "-dR", "-m", "50", "-f", good]) == 0
    err = capsys.readouterr().err
    assert "'-dR' is accepted and does nothing here." in err
    assert "'-m 50' is accepted and does nothing here." in err


def test_what_only_we_warn_of_is_not_fatal(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-dM", "-dI", "-dW", "-m", "50", "-W", "-c", "-f", good]) == 0
    assert capsys.readouterr().out == "Configuration file is valid\n"


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*question: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)


@pytest.mark.usefixtures("no_names")
@pytest.mark.parametrize(("wrong", "message"), [
    (GOOD.replace("127.0.0.1", "nowhere.example"), "cannot resolve 'nowhere.example'"),
    (GOOD + " log nowhere.example local0\n", "log : invalid address: 'nowhere.example'"),
    (GOOD + " server s nowhere.example:80 init-addr libc\n", "'server web/s' : could not resolve address 'nowhere.example'"),
])
def test_a_check_finds_the_names_that_a_start_would_miss(
    wrong: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "names.cfg"
    path.write_text(wrong)
    assert main(["-c", "-f", str(path)]) == 1
    shown = capsys.readouterr()
    assert message in shown.err
    assert "valid" not in shown.out


@pytest.mark.usefixtures("no_names")
def test_a_check_warns_of_servers_that_would_start_without_an_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "names.cfg"
    path.write_text(GOOD + " server s nowhere.example:80\n")
    assert main(["-c", "-f", str(path)]) == 0
    shown = capsys.readouterr()
    assert "'server web/s' : could not resolve address 'nowhere.example', disabling server." in shown.err
    assert "Name or service not known: it stays in maintenance (resolution)" in shown.err
    assert shown.out == "Warnings were found.\nConfiguration file is valid\n"


def test_keywords_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-dKall"]) == 0
    out = capsys.readouterr().out
    assert "\tbalance" in out
    assert "prometheus-exporter" in out


def test_what_is_loaded_is_listed(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-dL", "-c", "-f", good]) == 0
    first, *files = capsys.readouterr().out.splitlines()
    assert first == "List of loaded object files:"
    assert files[0].startswith("/")
    assert any(".so" in file for file in files)


def test_a_dump_is_what_was_understood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.cfg"
    path.write_text(GOOD.replace("listen web", "listen web # comment") + " description 'a b' \"c'd\"\n")
    assert main(["-c", "-dC", "-f", str(path)]) == 0
    out = capsys.readouterr().out
    assert "listen web\n\tbind 127.0.0.1:8080\n" in out
    assert "\tdescription 'a b' \"c'd\"\n" in out
    assert "comment" not in out
    again = tmp_path / "again.cfg"
    again.write_text(out.replace("Configuration file is valid\n", "").replace("Warnings were found.\n", ""))
    assert main(["-c", "-dC", "-f", str(again)]) == 0
    assert capsys.readouterr().out == out


def test_a_dump_with_a_key_gives_nothing_away(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(good).write_text(GOOD + " stats auth admin:secret\n balance leastconn\n log 192.0.2.9 local0\n server s1 192.0.2.1:80\n")
    assert main(["-c", "-dCkey", "-f", good]) == 0
    out = capsys.readouterr().out
    for word in ("secret", "admin", "192.0.2", "8080", "web"):
        assert word not in out
    assert "\tstats auth " in out
    for line in ("mode http", "timeout client 1s", "balance leastconn"):
        assert f"\t{line}\n" in out
    assert " local0\n" in out


def test_a_fault_of_ours_is_no_traceback(
    good: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError("not meant to be")

    monkeypatch.setattr(command, "run_configuration", broken)
    assert main(["-f", good]) == 1
    err = capsys.readouterr().err
    assert "internal error: RuntimeError: not meant to be" in err
    assert "please report it" in err
    assert "Traceback" not in err
    assert main(["-d", "-f", good]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_demo_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "-h"]) == 0
    assert main(["demo", "nonsense"]) == 1
    assert capsys.readouterr().out.count("Usage : pyproxy demo") == 2


def test_the_demo_of_a_wrong_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.cfg"
    path.write_text("nonsense\n")
    assert main(["demo", "-f", str(path)]) == 1
    assert "[ALERT]" in capsys.readouterr().err
