"""The list of diagnostics: places, severities."""

from __future__ import annotations

from proxy.base.errors import NOWHERE, Severity, Where
from proxy.config.diagnostics import Diagnostics
from proxy.config.statements import Section, Statement, Word

KEYWORD = Word("bind", Where("t", 3, 2), 4)


def test_the_place_is_the_words_and_that_of_a_line_its_first_word() -> None:
    diagnostics = Diagnostics()
    statement = Statement((KEYWORD, Word("x", Where("t", 3, 9), 1)), KEYWORD.where)
    for at in (KEYWORD, statement, Section("frontend", (KEYWORD,), (), KEYWORD.where), KEYWORD.where, None):
        diagnostics.alert(at, "m")
    assert [(item.where, item.length) for item in diagnostics] == [
        (KEYWORD.where, 4), (KEYWORD.where, 4), (KEYWORD.where, 4), (KEYWORD.where, 1), (NOWHERE, 1),
    ]


def test_only_alerts_are_errors() -> None:
    diagnostics = Diagnostics()
    diagnostics.notice(None, "n")
    diagnostics.diag(None, "d")
    assert not diagnostics.has_warnings
    diagnostics.warning(None, "what only pyproxy does not act on yet", feature="f")
    assert not diagnostics.has_warnings
    diagnostics.warning(None, "w", "fix", keyword="k")
    assert diagnostics.has_warnings
    assert not diagnostics.has_errors
    diagnostics.alert_line(KEYWORD, "a")
    assert diagnostics.has_errors
    assert len(diagnostics) == 5
    warning, alert = diagnostics.items[3:]
    assert (warning.hint, warning.keyword, warning.feature, warning.parsing) == ("fix", "k", "", True)
    assert (alert.severity, alert.message, alert.parsing) == (Severity.ALERT, "parsing [t:3]: a", False)
