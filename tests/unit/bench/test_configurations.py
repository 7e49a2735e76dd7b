"""The configurations load where they are meant to, and say what their rows say."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.configurations import CONFIG_LINES, STREAM_MODULE, Ports, haproxy_cfg, long_cfg, nginx_conf, origin_conf
from bench.rows import BY_NAME, ROWS, Row
from proxy.config.load import load

PORTS = Ports(proxy=20001, origin=20002, syslog=20003)
NAMES = [row.name for row in ROWS]


@pytest.fixture(params=NAMES)
def row(request: pytest.FixtureRequest) -> Row:
    return BY_NAME[request.param].sized(servers=3)


def test_pyproxy_reads_every_row(row: Row) -> None:
    load(text=haproxy_cfg(row, PORTS, 8000), environment={})


@pytest.mark.peer("haproxy")
def test_haproxy_reads_every_row(row: Row, peer: Callable[[str], str], tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_text(haproxy_cfg(row, PORTS, 100, 262144 if row.bulk else None))
    done = subprocess.run([peer("haproxy"), "-c", "-f", str(file)], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


@pytest.mark.peer("nginx")
def test_nginx_reads_its_rows_and_the_servers(row: Row, peer: Callable[[str], str], tmp_path: Path) -> None:
    texts = [origin_conf(PORTS, tmp_path, tmp_path, 100)]
    if row.nginx and (row.mode == "http" or STREAM_MODULE.exists()):
        texts.append(nginx_conf(row, PORTS, tmp_path, 100))
    for text in texts:
        file = tmp_path / "nginx.conf"
        file.write_text(text)
        done = subprocess.run([peer("nginx"), "-t", "-p", str(tmp_path), "-c", str(file)], capture_output=True, text=True,
                              timeout=20, check=False)
        assert done.returncode == 0, done.stderr


def test_only_what_a_row_asks_for_is_configured() -> None:
    minimal, logged = (haproxy_cfg(BY_NAME[name], PORTS, 8000) for name in ("http-minimal", "http-log"))
    assert "cookie" not in minimal
    assert "log " not in minimal
    assert "log 127.0.0.1:20003 local0" in logged
    assert "server s4 127.0.0.1:20002 cookie s4\n" in logged


def test_a_thousand_connections_are_not_closed_for_want_of_descriptors() -> None:
    row = BY_NAME["http-minimal"]
    assert "pool-low-fd-ratio" not in haproxy_cfg(row, PORTS, 8000)
    assert "pool-low-fd-ratio 95" in haproxy_cfg(row.sized(connections=1000), PORTS, 8000)


def test_the_long_configuration_is_long_and_valid() -> None:
    text = long_cfg(20001)
    assert text.count("\n") == CONFIG_LINES
    short = "".join(text.splitlines(keepends=True)[:20])
    assert len(load(text=short, environment={}).proxies) == 3
