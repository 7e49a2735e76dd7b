"""75 real configurations: what HAProxy loads, loads; old syntax loads too; what is wrong fails in words one can act on.

Files that use what this version must not ignore (ACLs, TLS, stick tables, filters, ...) are one named class: they fail, and
every alert in them names the feature.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy.base.errors import ConfigError, Diagnostic, Severity
from proxy.config.load import load
from proxy.config.load_options import LoadOptions

HERE = Path(__file__).parent / "real"
LOADS, OLD, WRONG = "loads", "rejects (obsolete)", "rejects (other)"
VERDICTS = dict(line.split("\t")[:2] for line in (HERE / "VERDICTS.tsv").read_text().splitlines()[1:] if line)

# Files HAProxy rejects for what was not there when it was asked, or for its version: here they fall in the named class.
UNSUPPORTED_ALTHOUGH_REJECTED = {
    "020": "a Lua file",
    "046": "the file of a filter",
    "047": "the file of a filter",
    "058": "SRV records by a resolver that has no address",
    "071": "a log host that does not resolve",
    "098": "Lua files",
    "122": "keywords of a HAProxy built otherwise, TLS",
}
# The named class: what decides who gets in or where traffic goes, and is not there yet.
NOT_THERE_YET = re.compile(
    r"acl|.* with a condition|.* with a dynamic name|(http|tcp)-(request|response) .*|http-error … lf-file|redirect|use-server"
    r"|ignore-persist|monitor fail|sample expressions .*|Lua"                                   # ACLs and rules
    r"|(bind|server) … (check-)?ssl"                                                            # TLS
    r"|stick( on|-table)"                                                                       # stick tables
    r"|filter|option spop-check"                                                                # filters
    r"|reqrep|SRV records"
)
EXCEPTIONS = {
    "006": "loads in HAProxy only where '<pg-node1-ip>', a placeholder left in the file, is stubbed as if it were a host name",
    "026": "is about 'option http_proxy', the forward proxy that HAProxy had until 1.9 and no line replaces",
}


def number(name: str) -> str:
    return name.partition("-")[0]


def verdict(name: str) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """(alerts, the others) of a file with its error files stubbed."""
    try:
        configuration = load(files=[str(HERE / name)], environment={}, options=LoadOptions(read_file=lambda path: b""))
    except ConfigError as error:
        alerts = [item for item in error.diagnostics if item.severity is Severity.ALERT]
        return alerts, [item for item in error.diagnostics if item.severity is not Severity.ALERT]
    return [], list(configuration.diagnostics)


def test_the_verdicts_are_complete() -> None:
    assert sorted(VERDICTS) == sorted(path.name for path in HERE.glob("*.cfg"))
    assert len(VERDICTS) == 75
    assert len(EXCEPTIONS) <= 3


@pytest.mark.parametrize("name", sorted(VERDICTS))
def test_a_real_configuration(name: str) -> None:
    alerts, others = verdict(name)
    wrong = [item for item in alerts if not item.feature]
    expected = VERDICTS[name]
    beyond = [item.feature for item in alerts if item.feature and not NOT_THERE_YET.fullmatch(item.feature)]
    assert beyond == [] or number(name) in EXCEPTIONS
    if number(name) in EXCEPTIONS:
        assert wrong or beyond, "no exception any more"
    elif expected == WRONG and number(name) in UNSUPPORTED_ALTHOUGH_REJECTED:
        assert alerts
        assert not wrong
    elif expected == WRONG:
        assert wrong
    else:
        assert not wrong
        assert alerts or expected == LOADS or others, "old syntax is loaded with a warning"
    for item in alerts:
        assert item.where.line, "the file's user is shown where"
        assert item.hint or item.feature, item.message
        assert item.message


def test_most_of_what_haproxy_loads_is_loaded() -> None:
    """The named class must not swallow the rest: this number only grows."""
    loaded = [name for name, expected in VERDICTS.items() if expected != WRONG and not verdict(name)[0]]
    assert len(loaded) >= 38
