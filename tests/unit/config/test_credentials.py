"""No message about a configuration shows a secret of it, whatever is wrong with the line."""

from __future__ import annotations

import pytest

from proxy.base.errors import ConfigError
from proxy.config.credentials import hide
from proxy.config.diagnostics import Diagnostics
from proxy.config.load import load, load_sources
from proxy.config.load_options import LoadOptions
from proxy.config.rendering import render
from proxy.config.source import Source
from proxy.ha.conf.load import load as load_ha

SECRET = "hunter2"
PROXY_LINES = [
    "stats auth admin:hunter2 extra", "stats auth admin:hunter2\n stats auth admin:hunter2", "stats autth admin:hunter2",
    "stats auth admin:hun\\ hunter2 x", 'stats auth "admin:hunter2" x', "stat auth admin:hunter2", "stats  auth\tadmin:hunter2 x",
    "no stats auth admin:hunter2", "stats auth", "stats auth hunter2 hunter2", "stat autth admin:hunter2",
    "stats auth admin:x hunter2 y", "STATS AUTH admin:hunter2", "stats auth admin:'hunter2 x' y",
    "stats realm x y\n stats auth a:hunter2 z",
    "user joe password hunter2", "user joe insecure-password hunter2 groups g", "user joe pasword hunter2",
    "http-check send hdr Authorization 'Basic hunter2'",
    "option httpchk GET / HTTP/1.1\\r\\nAuthorization:\\ Basic\\ hunter2 bad x",
    "tcp-check send AUTH\\ hunter2\\r\\n", "dynamic-cookie-key hunter2", "http-request set-header Authorization hunter2",
    "errorloc 503 http://joe:hunter2@here x y z", "errorloc 999 http://joe:hunter2@here",
]


@pytest.mark.parametrize("line", PROXY_LINES)
@pytest.mark.parametrize("section", ["listen a\n bind 127.0.0.1:1\n", "global\n", "userlist u\n", "backend b\n bogus\n", ""])
def test_no_message_shows_a_secret(section: str, line: str) -> None:
    source = Source("lb.cfg", f"{section} {line}\n")
    diagnostics = Diagnostics()
    told = ""
    try:
        configuration = load_sources([source], {}, LoadOptions(), diagnostics)
        told = repr([(proxy.stats, configuration.kept) for proxy in configuration.proxies])
    except ConfigError as error:
        told = f"{error} {error.diagnostics!r}"
    told += render(diagnostics, [source], 1, show_diag=True)
    assert SECRET not in told


@pytest.mark.parametrize("line", [
    "auth_pass hunter2hunter2", "auth_pass hunter2 x", "auth_pas hunter2", "authpass hunter2", "auth_pass 'hunter2' x",
    "auth_pass hunter2 {",
])
def test_neither_do_pyproxy_has(line: str) -> None:
    instance = f"vrrp_instance v {{\n interface lo\n authentication {{\n auth_type PASS\n {line}\n }}\n}}\n"
    text = f"{instance}SSL {{\n password hunter2\n {line}\n}}\n"
    configuration, sources = load_ha(text=text)
    assert SECRET not in render(configuration.diagnostics, sources, 1) + repr(configuration)


@pytest.mark.parametrize(("line", "shown"), [
    (" stats auth admin:secret # why", " stats auth admin:****** * ***"),
    (" user joe password secret groups g", " user joe password ****** ****** *"),
    (" user haproxy", " user haproxy"),
    (" stats uri /admin:x", " stats uri /admin:x"),
    (" stats socket /run/a:b level admin", " stats socket /run/a:b level admin"),
    (" server s1 127.0.0.1:80 check", " server s1 127.0.0.1:80 check"), (" bind 127.0.0.1:80", " bind 127.0.0.1:80"),
    (" http-request auth realm Gimme if X", " http-request auth realm Gimme if X"),
    (" acl ok http_auth(users)", " acl ok http_auth(users)"),
    (" auth_type PASS", " auth_type PASS"),
    ("setenv DB_PASSWORD secret", "setenv DB_PASSWORD ******"),
    ("setenv COLOUR red", "setenv COLOUR red"),
    (" redirect location http://a:b@c/d", " redirect location http://a:*@c/d"),
])
def test_a_line_keeps_what_is_no_secret(line: str, shown: str) -> None:
    assert hide(line) == shown
    assert len(hide(line)) == len(line)


def test_variables_in_a_password_are_not_told() -> None:
    with pytest.raises(ConfigError) as caught:
        load(text='listen a\n stats auth "admin:$PW" more\n bogus\n', environment={"PW": SECRET})
    assert SECRET not in f"{caught.value} {caught.value.diagnostics!r}"
