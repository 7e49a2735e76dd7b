"""The processes: command line, exit statuses, pid files, rights, what they cost."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.ha.lab import PATIENCE_S, PYPROXY_HA, ROOT, Lab, start_ha, tool
from tests.ha.status import instance, status
from tests.ha.texts import VIP, pair


def test_missing_file_and_missing_interface(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    words = [*PYPROXY_HA, "-n", "-l", "-p", str(tmp_path / "p"), "-r", str(tmp_path / "r"), "-f", str(tmp_path / "none.conf")]
    daemon = a.start("pyproxy-ha", words)
    assert daemon.wait() == 6
    assert "Config files missing" in daemon.text
    daemon = start_ha(a, "pyproxy-ha", pair(150).replace("eth0", "eth7"), tmp_path)
    assert daemon.wait() == 2
    assert "no such interface: eth7 (vrrp_instance web" in daemon.text
    assert "there are: eth0; or write dynamic_interfaces" in daemon.text


def test_config_test_sees_interfaces_too(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    file = tmp_path / "x.conf"
    for text, wanted in ((pair(150), 0), (pair(150).replace("eth0", "eth7"), 5), (pair(150, more="foo"), 5)):
        file.write_text(text)
        checking = a.start("-t", [*PYPROXY_HA, "-t", "-f", str(file)])
        assert checking.wait() == wanted, checking.text
    assert "Unknown keyword 'foo'" in checking.text


def test_without_rights_it_says_which(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    os.chmod(tmp_path, 0o777)
    (tmp_path / "ha.conf").write_text(pair(150))
    words = [tool("setpriv"), "--bounding-set", "-all", "--inh-caps", "-all", *PYPROXY_HA, "-n", "-l", "-f",
             str(tmp_path / "ha.conf"),
             "-p", str(tmp_path / "p.pid"), "-r", str(tmp_path / "r.pid")]
    daemon = a.start("pyproxy-ha", words)
    assert daemon.wait() == 2
    assert "CAP_NET_ADMIN (to put addresses on interfaces) and CAP_NET_RAW" in daemon.text
    assert "AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW" in daemon.text


def test_it_needs_no_more_than_two_capabilities(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    (tmp_path / "ha.conf").write_text(pair(150))
    caps = "-all,+net_admin,+net_raw"
    words = [tool("setpriv"), "--bounding-set", caps, "--inh-caps", caps, *PYPROXY_HA, "-n", "-l", "-f",
             str(tmp_path / "ha.conf"),
             "-p", str(tmp_path / "p.pid"), "-r", str(tmp_path / "r.pid")]
    daemon = a.start("pyproxy-ha", words)
    a.wait_address(VIP)
    assert daemon.stop() == 0
    assert VIP not in a.addresses()


def test_octets_that_are_no_utf_8_harm_nobody(lab: Lab, tmp_path: Path) -> None:
    """Names, labels, hosts in Latin-1: the kernel or a peer may refuse them, nothing ends."""
    a = lab["a"]
    latin = b"""global_defs {\n metrics 127.0.0.1 9199\n router_id \xff\n}
vrrp_instance w\xff {\n interface eth0\n virtual_router_id 51\n priority 255\n state MASTER\n virtual_ipaddress {
 10.77.0.100 label eth0:\xff\n 10.77.0.101\n }\n}
virtual_server_group [\xff]:80 {\n fwmark 7\n }
virtual_server group [\xff]:80 {\n protocol TCP\n lb_algo rr\n lb_kind NAT\n delay_loop 1\n real_server 10.77.0.2 80 {
 TCP_CHECK {\n warmup 0\n bind_if \xff\n }\n SMTP_CHECK {\n warmup 0\n helo_name \xff\n }
 DNS_CHECK {\n warmup 0\n name \xff.com\n }\n HTTP_GET {\n warmup 0\n url {\n path /\xff\n }\n }
 MISC_CHECK {\n warmup 0\n misc_path "/bin/true \xff"\n }\n }\n}\n"""
    path = tmp_path / "ha.conf"
    path.write_bytes(latin)
    words = [*PYPROXY_HA, "-n", "-l", "-D", "-f", str(path), "-p", str(tmp_path / "p.pid"), "-r", str(tmp_path / "r.pid"),
             "-c", str(tmp_path / "c.pid")]
    daemon = a.start("pyproxy-ha", words)
    a.wait_address("10.77.0.101")
    daemon.wait_line("is no domain name")
    daemon.wait_line("Removing service [10.77.0.2]:tcp:80")
    client = a.socket(socket.AF_INET, socket.SOCK_STREAM)
    with client:
        client.connect(("127.0.0.1", 9199))
        client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        text = b"".join(iter(lambda: client.recv(1 << 16), b""))
        assert b'instance="w\\\\udcff"' in text
        assert b"pyproxy_ha_checkers_up 1\n" in text
        assert b'pyproxy_ha_real_server_up{virtual_server="[[\\\\udcff]:80]:tcp:0",real_server="[10.77.0.2]:tcp:80"} 0' in text
    assert "w" in a.run(*PYPROXY_HA, "status", "-r", str(tmp_path / "r.pid"))
    assert "FWM  7 rr" in a.run(*PYPROXY_HA, "ipvsadm", "-Ln", "-c", str(tmp_path / "c.pid"))
    daemon.read()
    assert daemon.stop() == 0
    assert "internal error" not in daemon.text


def test_systemd_hears_of_the_start_and_the_end(lab: Lab, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(PATIENCE_S)
        daemon = start_ha(lab["a"], "pyproxy-ha", pair(150), tmp_path, environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert daemon.folder is not None
        said = systemd.recv(200)
        assert said == b"READY=1\nMAINPID=" + (daemon.folder / "p.pid").read_bytes().strip()
        assert daemon.stop() == 0
        assert systemd.recv(200) == b"STOPPING=1"


def test_a_second_one_with_the_same_pid_file_does_not_start(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    daemon = start_ha(a, "pyproxy-ha", pair(150), tmp_path)
    a.wait_address(VIP)
    assert daemon.folder is not None
    words = [*PYPROXY_HA, "-n", "-l", "-f", str(daemon.folder / "ha.conf"), "-p", str(daemon.folder / "p.pid")]
    second = a.start("pyproxy-ha", words)
    assert second.wait() == 2
    assert "daemon is already running (pid " in second.text
    assert VIP in a.addresses()


def test_into_the_background(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    (tmp_path / "ha.conf").write_text(pair(150))
    log = tmp_path / "log"
    words = [*PYPROXY_HA, "-D", "-G", "-g", str(log), "-f", str(tmp_path / "ha.conf"), "-p", str(tmp_path / "p.pid"), "-r",
             str(tmp_path / "r.pid")]
    a.run(*words)
    a.wait_address(VIP)
    pid = int((tmp_path / "p.pid").read_text())
    descriptor = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGTERM)
        a.wait_address(VIP, present=False)
        assert select.select([descriptor], [], [], 10)[0]
    finally:
        os.close(descriptor)
    assert not (tmp_path / "p.pid").exists()
    assert "Entering MASTER STATE" in log.read_text()


def test_status_table_json_and_metrics(lab: Lab, tmp_path: Path) -> None:
    a, b = lab["a"], lab["b"]
    file = tmp_path / "w"
    top = f"global_defs {{\n metrics 127.0.0.1 9650\n}}\ntrack_file w {{\n file {file}\n weight -1\n}}"
    daemon = start_ha(a, "pyproxy-ha", pair(100, top=top, more="track_file {\n w\n }"), tmp_path)
    start_ha(b, "pyproxy-ha", pair(150), tmp_path)
    file.write_text("7\n")
    b.wait_address(VIP)
    daemon.wait_line("Changing effective priority from 100 to 93")
    found = instance(daemon)
    assert (found["state"], found["priority"], found["configured_priority"], found["effects"]) == ("BACKUP", 93, 100, ["file w "
                                                                                                                       "-7"])
    assert found["last_advert"]["from"] == b.address
    assert found["last_advert"]["priority"] == 150
    assert status(daemon)["unknown_vrids"] == 0
    assert daemon.folder is not None
    shown = a.run(*PYPROXY_HA, "status", "-r", str(daemon.folder / "r.pid"))
    assert "93 = 100 with file w -7" in shown
    assert f"150 from {b.address}" in shown
    assert f"({VIP}/32)" in shown
    with a.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.connect(("127.0.0.1", 9650))
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert 'pyproxy_ha_vrrp_state{instance="web",interface="eth0",vrid="51"} 1\n' in answer
    assert 'pyproxy_ha_vrrp_priority{instance="web",interface="eth0",vrid="51"} 93\n' in answer


def test_status_without_a_daemon(tmp_path: Path) -> None:
    done = subprocess.run([*PYPROXY_HA, "status", "-r", str(tmp_path / "none.pid")], capture_output=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert b"no answer from" in done.stderr
    assert b"Traceback" not in done.stderr


def test_small_and_idle(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    daemon = start_ha(a, "pyproxy-ha", pair(150), tmp_path)
    a.wait_address(VIP)
    assert daemon.folder is not None
    for name in ("p.pid", "r.pid"):
        pid = int((daemon.folder / name).read_text())
        text = Path(f"/proc/{pid}/status").read_text()
        resident_kib = int(text.split("VmRSS:")[1].split()[0])
        assert resident_kib <= 30 * 1024, f"{name}: {resident_kib} KiB"
        maps = Path(f"/proc/{pid}/maps").read_text()
        assert "_ssl" not in maps


@pytest.mark.parametrize("priority", [pytest.param("", marks=pytest.mark.soak, id="normal"),
                                      pytest.param("global_defs {\n vrrp_rt_priority 10\n}", id="real-time")])
def test_a_busy_machine_misses_no_advert(lab: Lab, tmp_path: Path, priority: str) -> None:
    a, b = lab["a"], lab["b"]
    start_ha(a, "pyproxy-ha", pair(150, advert_int="0.1", top=priority), tmp_path)
    a.wait_address(VIP)
    backup = start_ha(b, "pyproxy-ha", pair(100, advert_int="0.1", top=priority), tmp_path)
    backup.wait_line("Entering BACKUP")
    loops = [a.start("busy", [tool("sh"), "-c", "while :; do :; done"]) for _ in range(4)]
    with b.sniffer(0x0800) as adverts:
        for _ in range(20):
            adverts.wait(lambda frame: frame[23] == 112 and frame[36] == 150, "an advert")
    for each in loops:
        each.kill()
    assert instance(backup)["became_master"] == 0


def test_startup_and_shutdown_scripts_and_the_names_of_pid_files(lab: Lab, tmp_path: Path) -> None:
    a, log = lab["a"], tmp_path / "log"
    top = (f"global_defs {{\n script_user root\n startup_script \"/bin/sh -c 'echo up >> {log}'\"\n"
           f" shutdown_script \"/bin/sh -c 'echo down >> {log}; exit 3'\"\n}}\ninstance test{os.getpid()}")
    (tmp_path / "ha.conf").write_text(pair(150, top=top))
    daemon = a.start("pyproxy-ha", [*PYPROXY_HA, "-n", "-l", "-f", str(tmp_path / "ha.conf")])
    a.wait_address(VIP)
    assert log.read_text() == "up\n"
    home = Path("/run/keepalived")
    names = {path.name for path in home.iterdir() if f"test{os.getpid()}" in path.name}
    assert names == {f"keepalived_test{os.getpid()}.pid", f"vrrp_test{os.getpid()}.pid", f"vrrp_test{os.getpid()}.sock"}
    daemon.stop()
    assert log.read_text() == "up\ndown\n"
    assert "exited with status 3" in daemon.text
    assert not [path for path in home.iterdir() if f"test{os.getpid()}" in path.name]


def test_signals_write_what_is_going_on(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    daemon = start_ha(a, "pyproxy-ha", pair(150), tmp_path)
    a.wait_address(VIP)
    assert daemon.folder is not None
    pid = int((daemon.folder / "p.pid").read_text())
    written: list[Path] = []
    try:
        for number, name in ((signal.SIGUSR1, "data"), (signal.SIGUSR2, "stats"), (signal.SIGRTMIN + 2, "json"),
                             (signal.SIGRTMIN + 3, "stats")):
            place = len(daemon.text)
            os.kill(pid, number)
            daemon.wait_line(f"written: /tmp/keepalived.{name}", place)
            written.append(Path(f"/tmp/keepalived.{name}"))
        assert "MASTER" in written[0].read_text()
        assert json.loads(written[2].read_text())["instances"][0]["name"] == "web"
        assert instance(daemon)["became_master"] == 0, "the counters have been cleared"
    finally:
        for path in written:
            path.unlink(missing_ok=True)


def test_the_start_can_wait(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    daemon = start_ha(a, "pyproxy-ha", pair(150, top="global_defs {\n vrrp_startup_delay 0.3\n}"), tmp_path, "-d")
    place = daemon.wait_line("waiting 0.3 s before starting")
    daemon.wait_line("Entering BACKUP", place)
    assert "instances: Instance(name='web'" in daemon.text
