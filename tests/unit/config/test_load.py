"""`load`: the command line's say, what is asked of the result, what is found in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.base.addresses import Family
from proxy.base.errors import ConfigError, Severity
from proxy.base.proxy_parts import CRC32C, SSL, SSL_CN, UNIQUE_ID, V1, V2
from proxy.config.load import load
from proxy.config.load_options import LoadOptions

TIMEOUTS = " timeout client 1s\n timeout connect 1s\n timeout server 1s\n"
WEB = f"defaults\n mode http\n{TIMEOUTS}listen web\n bind :80\n server s 192.0.2.1:80\n"


def alerts(text: str, options: LoadOptions | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text=text, environment={}, options=options)
    return [item.message for item in caught.value.diagnostics if item.severity is Severity.ALERT]


def test_the_command_line_goes_before_the_global_section() -> None:
    options = LoadOptions(maxconn=10, proxy_maxconn=20, localpeer="lb9", ignore_unresolved=True)
    found = load(text="global\n maxconn 99\n localpeer lb1\n" + WEB, environment={}, options=options).global_
    assert (found.maxconn, found.proxy_maxconn, found.localpeer, found.ignore_unresolved) == (10, 20, "lb9", True)


def test_without_a_command_line_the_global_section_stands() -> None:
    found = load(text="global\n maxconn 99\n localpeer lb1\n" + WEB, environment={}).global_
    assert (found.maxconn, found.localpeer, found.zero_warning) == (99, "lb1", False)


@pytest.mark.parametrize(
    ("text", "options"),
    [("global\n zero-warning\nlisten l\n bind :1\n", LoadOptions()), ("listen l\n bind :1\n", LoadOptions(zero_warning=True))],
)
def test_zero_warning_makes_a_warning_fatal(text: str, options: LoadOptions) -> None:
    assert alerts(text, options) == ["Some warnings were found and 'zero-warning' is set. Aborting."]


def test_zero_warning_without_a_warning_loads() -> None:
    assert load(text="global\n zero-warning\n" + WEB, environment={}).global_.zero_warning


@pytest.mark.parametrize(
    ("text", "listens"),
    [
        (WEB, True),
        ("backend b\n", False),
        ("frontend f\n bind :1\n disabled\n", False),
        ("frontend f\n bind :1\n disabled\n enabled\n", True),
        ("", False),
    ],
)
def test_a_configuration_that_cannot_start_is_told(text: str, listens: bool) -> None:
    assert load(text=text, environment={}).has_listeners is listens


def test_port_zero_is_for_those_who_ask(tmp_path: Path) -> None:
    text = WEB.replace(":80\n server", "127.0.0.1:0\n server")
    assert "invalid port" in alerts(text)[0]
    found = load(text=text, environment={}, options=LoadOptions(port_zero=True))
    assert found.proxies[0].binds[0].address.port == 0


def test_unknown_users_are_found_where_they_can_be() -> None:
    text = "global\n user nobody\n group nogroup\n" + WEB
    assert load(text=text, environment={}).global_.user == "nobody"
    options = LoadOptions(user_exists=lambda name: False, group_exists=lambda name: False)
    assert alerts(text, options) == ["cannot find user id for 'nobody'", "cannot find group id for 'nogroup'"]
    bind = WEB.replace("bind :80", "bind /run/x user nobody group nogroup")
    assert [message.rpartition(" : ")[2] for message in alerts(bind, options)] == [
        "unknown user name 'nobody'",
        "unknown group name 'nogroup'",
    ]


def test_files_and_directories_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.cfg").write_text("listen second\n bind :2\n")
    (tmp_path / "a.cfg").write_text(WEB)
    found = load(files=[str(tmp_path)], text="listen third\n bind :3\n", name="typed", environment={})
    assert [proxy.name for proxy in found.proxies] == ["web", "second", "third"]
    assert [Path(name).name for name in found.files] == ["a.cfg", "b.cfg", "typed"]
    assert found.proxies[1].mode == "http", "defaults reach over files"


def test_a_file_that_is_not_there_is_an_alert(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load(files=[str(tmp_path / "none.cfg")], environment={})


def test_the_environment_reaches_addresses_quoted_or_not() -> None:
    text = WEB.replace("server s 192.0.2.1:80", "server s ${HOST}:$PORT\n server t \"${HOST}:81\"")
    servers = load(text=text, environment={"HOST": "192.0.2.9", "PORT": "82"}).proxies[0].servers
    assert [str(server.address) for server in servers] == ["192.0.2.9:82", "192.0.2.9:81"]
    assert servers[0].address.family is Family.IPV4


def test_what_setenv_sets_reaches_addresses_too() -> None:
    text = "global\n setenv HOST 192.0.2.7\n" + WEB.replace("192.0.2.1", "${HOST}")
    assert load(text=text, environment={}).proxies[0].servers[0].address.host == "192.0.2.7"


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        load(text=WEB.replace("192.0.2.1:80", "$HOST"), environment={})
    assert caught.value.diagnostics[0].hint == "set the environment variable HOST"


@pytest.mark.parametrize(
    ("words", "what"),
    [("timeout client 1min", "1m"), ("timeout client 1h5", "1h")],
)
def test_what_follows_a_good_time_is_warned_of(words: str, what: str) -> None:
    found = load(text=f"listen l\n bind :1\n {words}\n", environment={})
    assert [item.hint for item in found.diagnostics if "after the timer value" in item.message] == [f"write: {what}"]


def test_a_good_time_with_a_tail_may_still_be_too_long() -> None:
    assert "timer overflow in argument '50000m'" in alerts("listen l\n bind :1\n timeout client 50000m$\n")[0]


def test_a_timeout_of_zero_is_none() -> None:
    found = load(text="listen l\n bind :1\n timeout client 0\n", environment={})
    assert found.proxies[0].timeouts.client is None
    assert any(item.message.startswith("missing timeouts for proxy 'l'.") for item in found.diagnostics)


def test_the_warnings_of_the_tutorial_are_these() -> None:
    text = (Path(__file__).parents[2] / "config" / "cases" / "tutorial.cfg").read_text()
    found = load(text=text, environment={})
    assert [item.message for item in found.diagnostics if "has no log address" not in item.message] == [
        "'stats realm' takes 1 argument; 'Manager' ignored",
        "please use the 'bind' keyword for listening addresses.",
    ]
    assert found.diagnostics[1].hint == "write: listen weblb, and below it: bind 192.168.4.56:80"


def test_a_backend_rule_without_a_condition_goes_before_the_default() -> None:
    text = f"frontend f\n bind :1\n default_backend a\n use_backend b\n use_backend a\n{TIMEOUTS}backend a\nbackend b\n"
    assert load(text=text, environment={}).proxies[0].default_backend == "b"


def test_a_backend_rule_that_never_holds_changes_nothing() -> None:
    text = f"frontend f\n bind :1\n default_backend a\n use_backend b if FALSE\n{TIMEOUTS}backend a\nbackend b\n"
    assert load(text=text, environment={}).proxies[0].default_backend == "a"


def test_many_faults_are_all_told_and_soon() -> None:
    faults = alerts("listen l\n bind :1\n" + "".join(f" nonsense{n} x\n" for n in range(3000)))
    assert len(faults) == 3000


def test_minconn_alone_is_a_maxconn() -> None:
    found = load(text=WEB.replace("192.0.2.1:80", "192.0.2.1:80 minconn 7"), environment={})
    assert found.proxies[0].servers[0].maxconn == 7


def test_the_check_request_stands_before_what_is_expected() -> None:
    option = " option httpchk GET /a HTTP/1.1\n"
    connect, send, expect = " http-check connect port 81\n", " http-check send meth PUT\n", " http-check expect status 204\n"

    def steps(lines: str) -> list[tuple[str, str, str]]:
        found = load(text=WEB + option + lines, environment={}).proxies[0]
        return [(rule.kind, rule.method, rule.uri) for rule in found.check_rules if rule.kind != "expect"]

    assert steps(expect) == [("send", "GET", "/a")]
    assert steps(connect) == [("connect", "OPTIONS", "/"), ("send", "GET", "/a")]
    assert steps(connect + send + expect) == [("connect", "OPTIONS", "/"), ("send", "PUT", "/a")]


def test_the_tcp_check_connect_goes_before_the_port_of_the_server() -> None:
    steps = " option tcp-check\n tcp-check connect port 81 send-proxy\n server t 192.0.2.2:80 check port 90\n"
    server = load(text=WEB + steps, environment={}).proxies[0].servers[1]
    assert server.check_connect is not None
    assert (server.check_port, server.check_connect.send_proxy) == (81, True)


def test_no_log_forgets_the_targets_so_far() -> None:
    text = "global\n log 127.0.0.1 local0\n no log\n log 127.0.0.2 local1\n" + WEB
    text += " log global\n no log\n log 127.0.0.3 local2\n"
    found = load(text=text, environment={})
    assert [target.address.host for target in found.global_.log_targets] == ["127.0.0.2"]
    assert [target.address.host for target in found.proxies[0].log_targets] == ["127.0.0.3"]


def test_log_global_twice_is_once() -> None:
    text = "global\n log 127.0.0.1 local0\n" + WEB + " log global\n log global\n"
    assert len(load(text=text, environment={}).proxies[0].log_targets) == 1


def test_unix_bind_fills_what_a_socket_leaves_out() -> None:
    text = "global\n unix-bind prefix /srv mode 600 user root\n stats socket /a.sock mode 660\n" + WEB
    socket = load(text=text, environment={}).global_.stats_sockets[0]
    assert (socket.address.host, socket.mode, socket.user) == ("/srv/a.sock", 0o660, "root")


def test_a_connection_mode_is_taken_back_by_its_own_name_only() -> None:
    kept = load(text=WEB + " option httpclose\n no option http-server-close\n", environment={}).proxies[0]
    gone = load(text=WEB + " option httpclose\n no option httpclose\n", environment={}).proxies[0]
    assert (kept.connection_mode, gone.connection_mode) == ("close", "keep-alive")


def test_default_takes_an_option_back() -> None:
    found = load(text=WEB + " option dontlognull\n default option dontlognull\n option redispatch\n default option redispatch\n",
                 environment={}).proxies[0]
    assert not found.options
    assert found.redispatch_after is None


def test_the_first_of_two_identities_stays() -> None:
    found = load(text="global\n uid 5\n user root\n gid 6\n group root\n chroot /a\n chroot /b\n" + WEB, environment={})
    assert (found.global_.uid, found.global_.user, found.global_.gid, found.global_.group,
            found.global_.chroot) == (5, "", 6, "", "/a")
    assert len(found.diagnostics) == 3


@pytest.mark.parametrize("keyword", ["uid", "gid"])
def test_ids_end_where_the_system_ends_them(keyword: str) -> None:
    assert load(text=f"global\n {keyword} 4294967294\n" + WEB, environment={})
    with pytest.raises(ConfigError, match=f"{keyword}: 4294967295 is too large."):
        load(text=f"global\n {keyword} 4294967295\n" + WEB, environment={})


def test_large_rewrites_are_cut_to_half_a_buffer() -> None:
    assert load(text="global\n tune.bufsize 2000\n tune.maxrewrite 1500\n" + WEB, environment={}).global_.maxrewrite == 1000


def test_a_cookie_to_capture_has_at_most_63_octets() -> None:
    found = load(text=WEB + " capture cookie A len 100\n", environment={})
    assert found.proxies[0].capture_cookie == ("A", 63)
    assert "truncating capture length to 63 bytes" in found.diagnostics[0].message


@pytest.mark.parametrize(("delay", "seconds"), [("0", 0), ("1", 1), ("999ms", 1), ("1001ms", 2), ("100us", 1), ("2m", 120)])
def test_a_part_of_a_second_refreshes_after_one(delay: str, seconds: int) -> None:
    found = load(text=WEB + f" stats refresh {delay}\n", environment={})
    assert found.proxies[0].stats is not None
    assert found.proxies[0].stats.refresh_s == seconds


@pytest.mark.parametrize(("default", "words", "parts"), [
    ("", "send-proxy", V1), ("send-proxy-v2", "send-proxy", V1 | V2), ("send-proxy-v2-ssl", "no-send-proxy-v2", SSL),
    ("send-proxy-v2", "no-send-proxy-v2", 0), ("", "proxy-v2-options crc32c,unique-id", CRC32C | UNIQUE_ID),
    ("", "send-proxy-v2-ssl-cn no-send-proxy-v2-ssl", SSL_CN), ("proxy-v2-options crc32c", "proxy-v2-options ssl", CRC32C | SSL),
])
def test_words_of_the_proxy_header_add_up(default: str, words: str, parts: int) -> None:
    lines = f" default-server {default}\n server t 192.0.2.2:80\n server u 192.0.2.3:80 {words}\n server v 192.0.2.4:80\n"
    before, server, behind = load(text=WEB + lines, environment={}).proxies[0].servers[1:]
    assert server.send_proxy == parts
    assert before.send_proxy == behind.send_proxy


@pytest.mark.parametrize(("line", "nearest"), [
    ("fronted web", "frontend"), ("defalts", "defaults"), ("bakend b", "backend"), ("userlst u", "userlist"),
])
def test_a_section_is_suggested_where_its_header_is_misspelt(line: str, nearest: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text=f"{WEB} {line}\n", environment={})
    assert [item.hint for item in caught.value.diagnostics if "unknown keyword" in item.message] == [f"did you mean '{nearest}'?"]


@pytest.mark.parametrize(("line", "hint"), [
    ("balance roundrobbin", "did you mean 'roundrobin'?"), ("balance lestconn", "did you mean 'leastconn'?"),
    ("balance fast", "balance roundrobin shares equally, balance leastconn suits long connections"),
    ("cookie SRV insrt", "did you mean 'insert'?"), ("cookie SRV insert indirekt", "did you mean 'indirect'?"),
])
def test_the_nearest_word_is_suggested(line: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text=f"{WEB} {line}\n", environment={})
    assert [item.hint for item in caught.value.diagnostics] == [hint]
