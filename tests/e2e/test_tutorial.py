"""The tutorial's configuration, kept word for word save the addresses, keeps every promise it makes."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

TUTORIAL = """\
global
 log 127.0.0.1 local2   ###[err warning info debug]
 chroot /usr/local/haproxy
 pidfile /var/run/haproxy.pid ###haproxy的pid存放路径
 maxconn 4000     ###最大连接数，默认4000
 user haproxy
 group haproxy
 daemon       ###创建1个进程进入deamon模式运行
defaults
 mode http    ###默认的模式mode { tcp|http|health } log global   ###采用全局定义的日志
 option dontlognull   ###不记录健康检查的日志信息
 option httpclose  ###每次请求完毕后主动关闭http通道
 option httplog   ###日志类别http日志格式
 option forwardfor  ###后端服务器可以从Http Header中获得客户端ip
 option redispatch  ###serverid服务器挂掉后强制定向到其他健康服务器
 timeout connect 10000 #如果backend没有指定，默认为10s
 timeout client 300000 ###客户端连接超时
 timeout server 300000 ###服务器连接超时
 maxconn  60000  ###最大连接数
 retries  3   ###3次连接失败就认为服务不可用，也可以通过后面设置
listen stats
    bind 127.0.0.1:0   #监听端口
    stats refresh 30s   #统计页面自动刷新时间
    stats uri /stats   #统计页面url
    stats realm Haproxy Manager #统计页面密码框上提示文本
    stats auth admin:admin  #统计页面用户名和密码设置
  #stats hide-version   #隐藏统计页面上HAProxy的版本信息
stats uri /admin
listen  weblb 127.0.0.1:0
   cookie  SERVERID rewrite
   balance roundrobin
   server  web1 127.0.0.1:PORT1 cookie app1inst1 check inter 2000 rise 2 fall 5
   server  web2 127.0.0.1:PORT2 cookie app1inst2 check inter 2000 rise 2 fall 5
"""
LOGIN = "Authorization: Basic " + base64.b64encode(b"admin:admin").decode()


class Site:
    """The load balancer and the two servers behind it."""

    def __init__(self, start: Callable[..., Any], origin: Callable[..., Any], ask: Callable[..., Any], inter: int = 2000) -> None:
        self.web1, self.web2 = origin("web1"), origin("web2")
        text = TUTORIAL.replace("PORT1", str(self.web1.port)).replace("PORT2", str(self.web2.port))
        self.proxy = start(text.replace("inter 2000", f"inter {inter}"))
        self._ask = ask

    def ask(self, *words: str, **how: Any) -> Any:
        return self._ask(self.proxy.address("weblb"), *words, **how)

    def statistics(self, *words: str, **how: Any) -> Any:
        return self._ask(self.proxy.address("stats"), *words, **how)


@pytest.fixture
def site(start: Callable[..., Any], origin: Callable[..., Any], ask: Callable[..., Any]) -> Site:
    return Site(start, origin, ask)


@pytest.fixture
def quick_site(start: Callable[..., Any], origin: Callable[..., Any], ask: Callable[..., Any]) -> Site:
    """The same with checks every 50 ms, so that a server's fall and rise are soon over."""
    return Site(start, origin, ask, inter=50)


def test_servers_alternate_strictly(site: Site) -> None:
    answers = [site.ask() for _ in range(20)]
    assert [answer.status for answer in answers] == [200] * 20
    assert [answer.text for answer in answers] == ["web1", "web2"] * 10


def test_both_connections_are_closed(site: Site) -> None:
    assert site.ask().field("connection") == "close"
    assert site.web1.seen[0][2]["connection"] == "close"


def test_the_server_learns_the_client_address(site: Site) -> None:
    site.ask("/", "X-Forwarded-For: 192.0.2.7")
    assert site.web1.seen[0][2]["x-forwarded-for"] in ("127.0.0.1", "192.0.2.7, 127.0.0.1")


def test_the_cookie_is_rewritten_when_the_server_sets_it_and_only_then(site: Site) -> None:
    assert site.ask().field("set-cookie") is None
    site.web2.fields = [("Set-Cookie", "SERVERID=something; Path=/")]
    assert site.ask().field("set-cookie") == "SERVERID=app1inst2; Path=/"
    site.web1.fields = [("Set-Cookie", "other=1")]
    assert site.ask().field("set-cookie") == "other=1"


def test_the_cookie_keeps_a_client_on_its_server(site: Site) -> None:
    answers = [site.ask("/", "Cookie: a=b; SERVERID=app1inst2; c=d") for _ in range(5)]
    assert [answer.text for answer in answers] == ["web2"] * 5
    assert site.web2.seen[0][2]["cookie"] == "a=b; SERVERID=app1inst2; c=d"


def test_a_cookie_of_nobody_is_balanced(site: Site) -> None:
    assert [site.ask("/", "Cookie: SERVERID=unknown").text for _ in range(4)] == ["web1", "web2"] * 2


def test_the_statistics_want_a_password(site: Site) -> None:
    refused = site.statistics("/admin")
    assert refused.status == 401
    assert refused.field("www-authenticate") == 'Basic realm="Haproxy"'
    wrong = site.statistics("/admin", "Authorization: Basic " + base64.b64encode(b"admin:wrong").decode())
    assert wrong.status == 401


def test_the_statistics_refresh_themselves(site: Site) -> None:
    page = site.statistics("/admin", LOGIN)
    assert page.status == 200
    assert page.field("refresh") == "30"
    assert "weblb" in page.text
    assert "web1" in page.text
    assert site.statistics("/stats", LOGIN).status == 503      # the last 'stats uri' counts, and there is no server


def test_the_statistics_as_csv(site: Site) -> None:
    for _ in range(6):
        site.ask()
    lines = site.statistics("/admin;csv", LOGIN).text
    rows = {(row["# pxname"], row["svname"]): row for row in csv.DictReader(io.StringIO(lines))}
    assert list(rows) == [
        ("stats", "FRONTEND"), ("stats", "BACKEND"),
        ("weblb", "FRONTEND"), ("weblb", "web1"), ("weblb", "web2"), ("weblb", "BACKEND"),
    ]
    assert rows["weblb", "FRONTEND"]["hrsp_2xx"] == "6"
    assert rows["weblb", "web1"]["lbtot"] == rows["weblb", "web2"]["lbtot"] == "3"
    assert rows["weblb", "web1"]["check_desc"] == "Layer4 check passed" or rows["weblb", "web1"]["check_status"].endswith("INI")


def test_a_killed_server_costs_no_request(
    start: Callable[..., Any], origin: Callable[..., Any], ask: Callable[..., Any]
) -> None:
    site = Site(start, origin, ask, inter=3_600_000)        # long before a check will notice
    site.web2.close()
    answers = [site.ask() for _ in range(2)]
    assert [(answer.status, answer.text) for answer in answers] == [(200, "web1")] * 2
    assert site.proxy.server("weblb/web2").is_up
    assert site.proxy.counters("weblb", "BACKEND")["wredis"] == 1


def test_a_cookie_for_a_dead_server_leads_to_the_other(quick_site: Site) -> None:
    quick_site.web2.close()
    quick_site.proxy.wait_until("weblb/web2", "DOWN")
    assert quick_site.ask("/", "Cookie: SERVERID=app1inst2").text == "web1"


def test_down_after_five_checks_up_after_two(quick_site: Site, origin: Callable[..., Any]) -> None:
    proxy = quick_site.proxy
    proxy.wait_until("weblb/web1", "UP")
    words: list[str] = []

    def note(_: object) -> bool:
        word = proxy.state("weblb/web1")
        if not words or words[-1] != word:
            words.append(word)
        return word == "DOWN"

    quick_site.web1.close()
    proxy.wait_until(note)
    assert proxy.counters("weblb", "web1")["chkfail"] == 5
    assert set(words) <= {"UP", "UP 4/5", "UP 3/5", "UP 2/5", "UP 1/5", "DOWN"}
    told = [text for _, text in proxy.messages]
    assert told[0].startswith(
        'Server weblb/web1 is DOWN, reason: Layer4 connection problem, info: "Connection refused", check duration: ')
    assert [quick_site.ask().text for _ in range(3)] == ["web2"] * 3
    origin("web1", quick_site.web1.port)
    proxy.wait_until("weblb/web1", "UP")
    assert [text for _, text in proxy.messages][1].startswith(
        "Server weblb/web1 is UP, reason: Layer4 check passed, check duration: ")
    assert {quick_site.ask().text for _ in range(4)} == {"web1", "web2"}
