"""What the words mean."""

import pytest

from bench.command import arguments


def test_what_is_meant_without_words() -> None:
    found = arguments([])
    assert (len(found.chosen), found.rounds, found.seconds, found.growth, found.save) == (16, 5, 2, None, None)


@pytest.mark.parametrize(("words", "message"), [
    (["--rows", "http-fast"], "no row is called http-fast"),
    (["--program", "x"], "NAME=COMMAND"),
    (["--rounds", "0"], "at least 1"),
    (["--syscalls", "idle"], "'idle' is no row under load"),
    (["--profile", "nothing"], "'nothing' is no row under load"),
])
def test_what_is_not_understood(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
