"""`http-request add-header` and its kin: what is kept, what is refused and by which name."""

from __future__ import annotations

import pytest

from proxy.base.errors import ConfigError, Severity
from proxy.config.load import load
from proxy.config.model import ProxySection

HEAD = "listen l\n bind :1\n mode {mode}\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n server s 192.0.2.1:80\n"


def proxy_of(*rules: str, mode: str = "http") -> ProxySection:
    configuration = load(text=HEAD.format(mode=mode) + "".join(f" {rule}\n" for rule in rules))
    return configuration.proxies[0]


def refused(rule: str) -> tuple[str, str, str]:
    with pytest.raises(ConfigError) as caught:
        proxy_of(rule)
    (alert,) = [item for item in caught.value.diagnostics if item.severity is Severity.ALERT]
    return alert.message, alert.hint, alert.feature


def test_edits_stay_in_order() -> None:
    proxy = proxy_of("http-request add-header X-A 1", 'http-request set-header X-B "2 %% 3"', "http-request del-header X-A",
                     "http-response del-header Server if TRUE", "http-request del-header X-C unless TRUE")
    assert proxy.request_fields == (("add", "X-A", "1"), ("set", "X-B", "2 % 3"), ("del", "X-A", ""))
    assert proxy.response_fields == (("del", "Server", ""),)


@pytest.mark.parametrize(("rule", "feature", "hint"), [
    ("http-request add-header Connection close", "http-request add-header connection", "option httpclose"),
    ("http-request del-header Expect", "http-request del-header expect", "remove the line"),
    ("http-response set-header content-Length 5", "http-response set-header content-length", "remove the line"),
    ("http-request add-header Host a", "http-request add-header host", "set-header Host"),
    ("http-request set-header X-A: b", "http-request set-header with a name that is none", "without a colon"),
    ("http-request set-header X-A %[src]", "http-request set-header with a sample or variable", "fixed value"),
    ("http-request set-header X-A %ci", "http-request set-header with a sample or variable", "fixed value"),
    ("http-request set-header X-A b if { path / }", "http-request set-header with a condition", "without a condition"),
    ("http-request del-header X- -m beg", "http-request del-header -m", "one rule for each name"),
])
def test_what_is_not_supported_is_named(rule: str, feature: str, hint: str) -> None:
    _, said, named = refused(rule)
    assert named == feature
    assert hint in said


@pytest.mark.parametrize(("rule", "message"), [
    ("http-request add-header X-A", "expects exactly 2 arguments."),
    ('http-request add-header X-A ""', "expects exactly 2 arguments."),
    ("http-response del-header", "expects exactly 1 argument."),
    ("http-request add-header X-A b c", "expects either 'if' or 'unless' followed by a condition but found 'c'."),
    ("http-request add-header X-A b if", "missing condition"),
    ("http-request add-header X-A 100%", "truncated line after '%'"),
    (r"http-request add-header X-A a\r\nb", "a line end or NUL cannot be part of a field."),
])
def test_what_is_wrong_is_told(rule: str, message: str) -> None:
    text, _, feature = refused(rule)
    assert message in text
    assert feature == ""


def test_tcp_has_no_fields() -> None:
    configuration = load(text=HEAD.format(mode="tcp") + " http-request add-header X-A 1\n http-response del-header Server\n")
    assert (configuration.proxies[0].request_fields, configuration.proxies[0].response_fields) == ((), ())
    assert [item.message for item in configuration.diagnostics] == [
        "'http-request' rules ignored for proxy 'l' as they require HTTP mode.",
        "'http-response' rules ignored for proxy 'l' as they require HTTP mode.",
    ]
