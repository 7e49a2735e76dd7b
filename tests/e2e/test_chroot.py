"""The tutorial's configuration as a service: daemon, chrooted into an empty directory, as an unprivileged user.

After the chroot nothing is there to be imported or opened. The process runs under an audit hook that notes every attempt.
"""

from __future__ import annotations

import base64
import os
import pwd
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.root

TUTORIAL = """\
global
 log 127.0.0.1 local2   ###[err warning info debug]
 chroot CHROOT
 pidfile PIDFILE ###haproxy的pid存放路径
 maxconn 4000     ###最大连接数,默认4000
 user USER
 group GROUP
 daemon       ###创建1个进程进入deamon模式运行
defaults
 mode http    ###默认的模式mode { tcp|http|health } log global   ###采用全局定义的日志
 option dontlognull   ###不记录健康检查的日志信息
 option httpclose  ###每次请求完毕后主动关闭http通道
 option httplog   ###日志类别http日志格式
 option forwardfor  ###后端服务器可以从Http Header中获得客户端ip
 option redispatch  ###serverid服务器挂掉后强制定向到其他健康服务器
 timeout connect 10000 #如果backend没有指定,默认为10s
 timeout client 300000 ###客户端连接超时
 timeout server 300000 ###服务器连接超时
 maxconn  60000  ###最大连接数
 retries  3   ###3次连接失败就认为服务不可用,也可以通过后面设置
listen stats
    bind 127.0.0.1:STATS   #监听端口
    stats refresh 30s   #统计页面自动刷新时间
    stats uri /stats   #统计页面url
    stats realm Haproxy Manager #统计页面密码框上提示文本
    stats auth admin:admin  #统计页面用户名和密码设置
  #stats hide-version   #隐藏统计页面上HAProxy的版本信息
stats uri /admin
listen  weblb 127.0.0.56:80
   cookie  SERVERID rewrite
   balance roundrobin
   server  web1 127.0.0.55:80 cookie app1inst1 check inter 2000 rise 2 fall 5
   server  web2 127.0.0.57:80 cookie app1inst2 check inter 2000 rise 2 fall 5
"""
WIDER = """\
global
 log LOGSOCKET local0
 log localhost:9 format rfc5424 local1
 chroot CHROOT
 pidfile PIDFILE
 stats socket COMMANDS level admin
 user USER
 group GROUP
 daemon
defaults
 mode http
 log global
 option httplog
 timeout connect 1s
 timeout client 5s
 timeout server 5s
frontend front
 bind 127.0.0.1:STATS
 unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
 http-request use-service prometheus-exporter if { path /metrics }
 stats uri /admin
 stats admin if TRUE
 default_backend back
backend back
 option httpchk GET /
 http-check expect rstatus ^2
 balance hdr(x-key)
 option log-health-checks
 server web1 127.0.0.55:80 check inter 50 observe layer7
 server web2 127.0.0.57:80 check inter 50
 server named this-host-does-not.exist.invalid:80 check init-addr none
frontend tcp
 mode tcp
 option tcplog
 bind "unix@UNIXSOCKET"
 default_backend pass
backend pass
 mode tcp
 server web1 127.0.0.55:80 send-proxy-v2
"""
AUDITED = """
import os, sys
noted = None
def hook(event, arguments):
    if noted is None or event not in ("import", "open", "os.listdir", "ctypes.dlopen"):
        return
    os.write(noted, f"{event} {arguments[0]!r}\\n".encode())
chroot = os.chroot
def chroot_and_watch(path):
    global noted
    chroot(path)
    noted = int(noting)
os.chroot = chroot_and_watch
sys.addaudithook(hook)
from proxy.cli.__main__ import main
noting = sys.argv[1]
sys.argv[0:2] = ["pyproxy"]
sys.exit(main())
"""
LOGIN = "Authorization: Basic " + base64.b64encode(b"admin:admin").decode()


class Service:
    """The daemon, and what it tried to load after its chroot."""

    def __init__(self, folder: Path, text: str, stats: int) -> None:
        self.root = folder / "empty"
        self.root.mkdir()
        user = "haproxy" if _exists("haproxy") else "nobody"
        self.user = pwd.getpwnam(user)
        group = "haproxy" if user == "haproxy" else "nogroup"
        for word, value in {"CHROOT": self.root, "PIDFILE": folder / "pid", "USER": user, "GROUP": group, "STATS": stats,
                            "LOGSOCKET": folder / "log", "UNIXSOCKET": folder / "listener",
                            "COMMANDS": folder / "commands"}.items():
            text = text.replace(word, str(value))
        (folder / "cfg").write_text(text)
        self._noted, noting = os.pipe()
        os.set_blocking(self._noted, False)
        try:
            self.started = subprocess.run(
                [sys.executable, "-c", AUDITED, str(noting), "-f", "cfg"], cwd=folder, pass_fds=[noting], capture_output=True,
                text=True, timeout=20, check=False, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )
        finally:
            os.close(noting)
        assert self.started.returncode == 0, self.started.stderr
        self.pid = int((folder / "pid").read_text())

    def loaded(self) -> str:
        """Every attempt to import or open since the chroot."""
        try:
            return os.read(self._noted, 65536).decode()
        except BlockingIOError:
            return ""

    def close(self) -> None:
        os.close(self._noted)


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


@pytest.fixture
def webs(origin: Callable[..., Any]) -> list[Any]:
    return [origin("web1", 80, "127.0.0.55"), origin("web2", 80, "127.0.0.57")]


def test_the_tutorial_as_a_service(
    tmp_path: Path, webs: Any, free_port: Any, daemons: Any, ask: Any, wait_gone: Any
) -> None:
    port = free_port()
    service = Service(tmp_path, TUTORIAL, port)
    daemons()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{service.pid}/status").read_text().splitlines())
    assert status["Uid"].split() == [str(service.user.pw_uid)] * 4
    assert status["Gid"].split() == [str(service.user.pw_gid)] * 4 or service.user.pw_name == "nobody"
    assert status["Groups"].split() in ([], [str(service.user.pw_gid)])
    assert os.readlink(f"/proc/{service.pid}/root") == str(service.root)
    assert os.readlink(f"/proc/{service.pid}/cwd") == str(service.root)
    assert [ask(("127.0.0.56", 80)).text for _ in range(4)] == ["web1", "web2"] * 2
    assert ask(("127.0.0.56", 80), "/", "Cookie: SERVERID=app1inst2").text == "web2"
    assert ask(("127.0.0.1", port), "/admin").status == 401
    for view in ("", ";csv", ";json", ";json-schema", ";typed", ";norefresh"):
        answer = ask(("127.0.0.1", port), f"/admin{view}", LOGIN)
        assert answer.status == 200
        assert answer.body
    with socket.create_connection(("127.0.0.56", 80)) as sock:
        sock.sendall(b"no request at all\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 400 ")
    os.kill(service.pid, signal.SIGHUP)
    os.kill(service.pid, signal.SIGQUIT)
    assert ask(("127.0.0.56", 80)).status == 200
    os.kill(service.pid, signal.SIGUSR1)
    wait_gone(service.pid)
    loaded = service.loaded()
    service.close()
    assert set(loaded.splitlines()) <= {"open '/proc/self/status'"}, loaded      # each worker tries to tell its memory from there


def test_everything_that_may_be_used_was_there_before(
    tmp_path: Path, webs: Any, free_port: Any, daemons: Any, ask: Any, wait_gone: Any, eventually: Any
) -> None:
    port = free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(tmp_path / "log"))
        syslog.settimeout(20)
        service = Service(tmp_path, WIDER, port)
        daemons()
        address = ("127.0.0.1", port)
        assert ask(address, "/", "X-Key: 1").status == 200
        assert b'"GET / HTTP/1.1"' in _until(syslog, b"front back/")
        assert ask(address, "/metrics").status == 200
        assert ask(address, "/admin", "Content-Type: application/x-www-form-urlencoded", method="POST",
                   body=b"s=web1&action=maint&b=%232").status == 303
        assert ask(address, "/admin", "Content-Type: application/x-www-form-urlencoded", method="POST",
                   body=b"s=web1&action=maint&b=back").status == 303
        webs[1].close()
        assert b"is DOWN" in _until(syslog, b"Server back/web2 is DOWN")
        assert ask(address, "/").status == 503
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(tmp_path / "listener"))
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            sock.recv(100)
        for command in ("show stat", "show info json", "show servers state", "show sess", "show env", "set weight back/web1 50%"):
            assert not _command(tmp_path / "commands", command).startswith("Unknown"), command
        os.kill(service.pid, signal.SIGUSR1)
        wait_gone(service.pid)
    loaded = service.loaded()
    service.close()
    assert loaded == "", loaded


def _command(path: Path, command: str) -> str:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(str(path))
        sock.sendall(command.encode() + b"\n")
        return b"".join(iter(lambda: sock.recv(65536), b"")).decode()


def _until(syslog: socket.socket, wanted: bytes) -> bytes:
    while True:
        line = syslog.recv(4096)
        if wanted in line:
            return line
