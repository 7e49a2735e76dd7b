"""What check results look like to those who show them."""

from __future__ import annotations

from proxy.health.result import CheckResult, Verdict, escaped, reason


def test_a_result_as_shown() -> None:
    result = CheckResult()
    assert (result.shown_status, result.meaning, result.number, result.outcome_number, result.summary) == (
        "INI", "Initializing", 1, 0, "INI"
    )
    result.status, result.code, result.duration_ms = "L7OK", 200, 1
    assert (result.summary, result.meaning, result.number, result.outcome_number) == (
        "L7OK/200 in 1ms", "Layer7 check passed", 15, 3
    )
    result.running = True
    assert (result.shown_status, result.summary) == ("* L7OK", "* L7OK/200 in 1ms")
    result.status, result.code = "L7OKC", 404
    assert (result.number, result.outcome_number) == (16, 4)
    result.status = "L4CON"
    assert (result.number, result.outcome_number) == (8, 2)


def test_numbers_as_in_show_servers_state() -> None:
    result = CheckResult()
    for status, number in (("SOCKERR", 5), ("L4OK", 6), ("L7RSP", 13), ("L7STS", 17), ("HANA", 4), ("UNK", 0)):
        result.status = status
        assert result.number == number


def test_reason() -> None:
    assert reason(Verdict("L4OK"), 3) == ", reason: Layer4 check passed, check duration: 3ms"
    assert reason(Verdict("L6OK", 0, "good"), 3) == ', reason: Layer6 check passed, info: "good", check duration: 3ms'
    assert reason(Verdict("HANA", 0, "x"), -1) == ', reason: Health analyze, info: "x"'


def test_what_a_server_says_cannot_forge_a_line() -> None:
    assert escaped('a"b\r\n\x00é<') == "a<22>b<0D><0A><00><E9><"
