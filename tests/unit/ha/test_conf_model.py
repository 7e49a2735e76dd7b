"""What a configuration comes to: defaults, what is inherited, what does not go together."""

from __future__ import annotations

import pickle
import re
from dataclasses import fields, is_dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest

from proxy.ha.conf import model, routing, services
from proxy.ha.conf.freeze import INHERITED
from proxy.ha.conf.load import load
from proxy.ha.conf.model import Configuration
from proxy.ha.conf.services import DnsCheck, Forwarding, HttpCheck, MiscCheck, Protocol, Scheduler, TcpCheck

PACKAGE = Path(model.__file__).parents[1]
EXAMPLES = Path(model.__file__).parents[3] / "examples"


def loaded(text: str) -> tuple[Configuration, list[str]]:
    configuration, _ = load(text=text)
    return configuration, [item.message for item in configuration.diagnostics]


def test_the_tutorials_web_pair() -> None:
    text = """
global_defs {
  notification_email { admin@example.com }
  notification_email_from ka@localhost
  smtp_server 127.0.0.1
  smtp_connect_timeout 30
  router_id LVS_DEVEL
  vrrp_skip_check_adv_addr
# vrrp_strict
  vrrp_garp_interval 0
  vrrp_gna_interval 0
}
vrrp_instance webha {
  state MASTER
  interface eth0 //the card
  virtual_router_id 51
  priority 150
  advert_int 1
  authentication { auth_type PASS
                   auth_pass 123456 }
  virtual_ipaddress { 192.168.4.252 }
}
"""
    configuration, said = loaded(text)
    (instance,) = configuration.instances
    assert (instance.name, instance.state, instance.interface, instance.virtual_router_id, instance.priority) == ("webha",
        "MASTER", "eth0", 51, 150)
    assert (instance.auth_type, instance.auth_pass, instance.version, instance.advert_int_s) == ("PASS", b"123456", 2, 1.0)
    assert instance.skip_check_adv_addr
    assert instance.higher_prio_send_advert, "on against the heal trap"
    assert not instance.lower_prio_no_advert
    assert [str(each) for each in instance.virtual_addresses] == ["192.168.4.252/32"]
    assert configuration.global_.notification_email == ("admin@example.com",)
    assert said == ["number '0' outside range [0.000001, 4294]", "number '0' outside range [0.000001, 4294]",
                    "'//the card' taken for a comment, which begins with # or !"] or sorted(said)[0].startswith("'//the card'")


def test_the_tutorials_director_pair() -> None:
    text = """
virtual_server 192.168.4.253 80 {
    delay_loop 6
    lb_algo rr  //one after the other
    lb_kind DR
   # persistence_timeout 50
    protocol TCP 7
    real_server 192.168.4.52 80 {
        weight 1
        TCP_CHECK { connect_timeout 3
                    nb_get_retry 3
                    delay_before_retry 3 }
    }
    real_server 192.168.4.53 80 { weight 1
        TCP_CHECK { connect_timeout 3 } }
}
"""
    configuration, said = loaded(text)
    (server,) = configuration.virtual_servers
    assert (server.address, server.port, server.scheduler, server.method.kind, server.protocol) == (
        ip_address("192.168.4.253"), 80, Scheduler.RR, Forwarding.DR, Protocol.TCP)
    first, second = server.real_servers
    assert (first.weight, first.method.kind) == (1, Forwarding.DR)
    (check,) = first.checks
    assert isinstance(check, TcpCheck)
    assert (check.basics.connect_timeout_s, check.basics.retry, check.basics.delay_before_retry_s,
            check.basics.delay_loop_s) == (3, 3, 3, 6)
    assert second.checks[0].basics.retry == 1  # type: ignore[union-attr]
    assert len(said) == 3
    assert "'nb_get_retry' is no keyword of TCP_CHECK; honoured here as 'retry'" in said


def test_the_nearer_setting_counts() -> None:
    text = """
virtual_server 192.0.2.1 80 {
  protocol TCP
  lb_algo wlc
  lb_kind NAT
  delay_loop 10
  retry 4
  connect_timeout 2
  inhibit_on_failure
  virtualhost vs
  real_server 192.0.2.2 80 {
    retry 5
    lvs_method TUN type gre
    HTTP_GET {
      url { path /a }
      url {
        path /b
        virtualhost url
        status_code 200 301-302
      }
    }
    SSL_GET {
      virtualhost check
      retry 6
      delay_before_retry 1.5
      url { path / }
    }
    DNS_CHECK { type a }
    MISC_CHECK { misc_path "/bin/true 'x y'"
      user nobody }
  }
  real_server 192.0.2.3 80 { inhibit_on_failure off
    virtualhost rs
    DNS_CHECK { }
    MISC_CHECK { misc_path /bin/true }
  }
}
"""
    configuration, said = loaded(text)
    assert not said
    first, second = configuration.virtual_servers[0].real_servers
    http, tls, dns, misc = first.checks
    assert isinstance(http, HttpCheck)
    assert isinstance(tls, HttpCheck)
    assert isinstance(dns, DnsCheck)
    assert isinstance(misc, MiscCheck)
    assert (http.tls, http.basics.retry, http.basics.connect_timeout_s, http.basics.delay_before_retry_s,
            http.basics.warmup_s) == (False, 5, 2, 3, 10)
    assert [(url.path, url.virtualhost, url.status_codes) for url in http.urls] == [
        ("/a", "vs", (range(200, 300),)), ("/b", "url", (range(200, 201), range(301, 303)))]
    assert (tls.tls, tls.basics.retry, tls.basics.delay_before_retry_s, tls.urls[0].virtualhost) == (True, 6, 1.5, "check")
    assert (dns.type, dns.basics.retry, dns.basics.delay_before_retry_s) == ("A", 5, 10)
    assert misc.script is not None
    assert (misc.script.words, misc.script.user, misc.basics.retry) == (("/bin/true", "x y"), "nobody", 5)
    assert (first.inhibit_on_failure, second.inhibit_on_failure) == (True, False)
    assert first.method.kind is Forwarding.TUN
    assert first.method.tunnel_type == "gre"
    assert [check.basics.retry for check in second.checks] == [4, 4]  # type: ignore[union-attr]


def test_a_checkers_own_defaults() -> None:
    configuration, _ = loaded("""
virtual_server fwmark 7 {
  protocol UDP
  lb_algo sh
  lb_kind DR
  sh-port
  persistence_timeout
  persistence_granularity 255.255.255.0
  ip_family inet6
  sorry_server 192.0.2.9 81
  sorry_server_inhibit
  real_server 192.0.2.2 53 {
    DNS_CHECK { }
    MISC_CHECK { misc_path /bin/true }
    TCP_CHECK { }
    UDP_CHECK {
      payload Ab12f 3
      require_reply a Xc
    }
  }
}
virtual_server_group g {
  192.0.2.1-10 80
  192.0.2.250-192.0.3.10
  192.0.2.8/29 443
  2001:db8::1-f 80
  fwmark 5 inet6
}
""")
    server = configuration.virtual_servers[0]
    assert (server.fwmark, server.address, server.persistence_timeout_s, server.persistence_granularity, server.family) == (7,
        None, 360, 24, 6)
    assert server.scheduler_flags == ("sh-port",)
    assert server.sorry_server is not None
    assert (server.sorry_server.port, server.sorry_server.inhibit, server.sorry_server.method.kind) == (81, True, Forwarding.DR)
    dns, misc, tcp, udp = server.real_servers[0].checks
    assert [check.basics.retry for check in (dns, misc, tcp)] == [3, 0, 1]  # type: ignore[union-attr]
    assert [check.basics.delay_before_retry_s for check in (dns, misc, tcp)] == [60, 1, 1]  # type: ignore[union-attr]
    assert udp.payload == bytes.fromhex("0ab12f03")  # type: ignore[union-attr]
    assert udp.require_reply == (0, 10, None, 12)  # type: ignore[union-attr]
    ranges = [(str(each.first), str(each.last), each.port) for each in configuration.virtual_server_groups[0].ranges]
    assert ranges == [("192.0.2.1", "192.0.2.10", 80), ("192.0.2.250", "192.0.3.10", 0), ("192.0.2.8", "192.0.2.15", 443),
                      ("2001:db8::1", "2001:db8::f", 80)]
    assert configuration.virtual_server_groups[0].marks[0].family == 6


INSTANCE = "vrrp_instance v {{\ninterface eth0\nvirtual_router_id 1\n{}\nvirtual_ipaddress {{ 192.0.2.1 }}\n}}\n"


@pytest.mark.parametrize(("line", "message"), [
    ("state MASTER\nnopreempt", "nopreempt does not work with initial state MASTER"),
    ("state MASTER\npreempt_delay 5", "preempt_delay does not work with initial state MASTER"),
    ("nopreempt\npreempt_delay 5", "preempt_delay has no effect with nopreempt"),
    ("advert_int 1.5", "version 2 has whole seconds only; 1 is used"),
    ("version 3\nadvert_int 60", "is more than version 3 carries"),
    ("version 3\nauthentication {\nauth_type PASS\nauth_pass x\n}", "version 3 has no authentication"),
    ("strict_mode on", "the virtual addresses do not answer"),
    ("strict_mode on\nauthentication {\nauth_type PASS\nauth_pass x\n}", "the password is dropped"),
    ("authentication {\nauth_pass x\n}", "auth_pass without auth_type is ignored"),
    ("authentication {\nauth_type PASS\n}", "auth_type PASS without auth_pass is ignored"),
    ("track_script {\nnope\n}", "track script nope not found"),
    ("unicast_fault_no_peer", "it stays in FAULT"),
])
def test_what_does_not_go_together(line: str, message: str) -> None:
    _, said = loaded(INSTANCE.format(line))
    assert [each for each in said if message in each], said


def test_two_instances_with_one_router_id() -> None:
    _, said = loaded(INSTANCE.format("") + INSTANCE.format("").replace("instance v", "instance w"))
    assert said == ["VRID 1 is duplicated on interface eth0: v and w"]
    _, said = loaded(INSTANCE.format("") + INSTANCE.format("").replace("instance v", "instance w").replace("eth0", "eth1"))
    assert not said


def test_ipv6_is_version_3() -> None:
    configuration, said = loaded("vrrp_instance v {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { fe80::1/64 }\n}\n")
    assert configuration.instances[0].version == 3
    assert not said


def test_global_settings_are_the_instances_defaults() -> None:
    configuration, _ = loaded("global_defs {\nvrrp_version 3\nvrrp_garp_master_delay 7\nvrrp_garp_master_repeat 2\n"
                              "vrrp_higher_prio_send_advert off\n"
                              "vrrp_down_timer_adverts 5\n}\n" + INSTANCE.format("garp_master_repeat 3"))
    found = configuration.instances[0]
    assert (found.version, found.garp_master_delay_s, found.garp_master_repeat, found.garp_lower_prio_repeat,
            found.garp_lower_prio_delay_s) == (3, 7, 3, 3, 7)
    assert not found.higher_prio_send_advert
    assert found.down_timer_adverts == 5


def test_a_configuration_goes_through_a_pipe_unchanged() -> None:
    configuration, _ = load(str(EXAMPLES / "keepalived-director-pair.conf"))
    assert pickle.loads(pickle.dumps(configuration)) == configuration


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.conf")), ids=lambda path: path.name)
def test_every_example_loads_without_a_word(path: Path) -> None:
    assert not load(str(path))[0].diagnostics


# Nothing is read and silently dropped: every field is used outside `conf`, or is a default that `freeze` gives to others.
DEFAULTS = {*INHERITED.values(), "vrrp_min_garp", "smtp_alert_checker", "checker_log_all_failures"}
UNUSED = {"syncid", "maxlen"}                   # of lvs_sync_daemon, which is warned about
SOURCE = "\n".join(path.read_text() for path in sorted(PACKAGE.rglob("*.py"))
                   if "conf" not in path.relative_to(PACKAGE).parts[:1])
PARTS = [each for module in (model, routing, services) for each in vars(module).values()
         if isinstance(each, type) and is_dataclass(each) and each.__module__ == module.__name__]


@pytest.mark.parametrize("name",
                         [f"{part.__name__}.{each.name}" for part in PARTS for each in fields(part) if each.name != "where"])
def test_nothing_is_read_and_dropped(name: str) -> None:
    part, field = name.split(".")
    if (part == "Global" and field in DEFAULTS) or (part == "SyncDaemon" and field in UNUSED):
        return
    assert re.search(rf"\.{field}\b", SOURCE), f"{name} is read from the file and used nowhere"


def test_behind_a_firewall_mark_there_are_no_ports_but_the_checkers() -> None:
    configuration, said = loaded("virtual_server fwmark 7 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 10.0.0.7 8080 {\n"
                                 "TCP_CHECK {\n}\nHTTP_GET {\nconnect_port 81\nurl {\npath /\n}\n}\n}\n}\n")
    assert said == ["WARNING - fwmark virtual server FWM 7, real server [10.0.0.7]:8080 has port specified - clearing"]
    server = configuration.virtual_servers[0].real_servers[0]
    assert server.port == 0
    assert [check.basics.connect_port for check in server.checks if isinstance(check, TcpCheck | HttpCheck)] == [8080, 81]


def test_what_keepalived_passes_over_is_told_and_no_error() -> None:
    """As `keepalived -t` judges: a word too many in a statement is nothing, behind a block's name or an address it is a fault."""
    text = ("global_defs {\nvrrp_strict off\nvrrp_skip_check_adv_addr x\n}\nvrrp_instance V W {\ninterface eth0 1\n"
            "virtual_router_id 3\nvirtual_ipaddress {\n10.0.0.9 eth0\n}\n}\n")
    configuration, _ = load(text=text)
    assert configuration.global_.vrrp_strict
    assert [(item.message, bool(item.feature)) for item in configuration.diagnostics if "strict mode" not in item.message] == [
        ("surplus word 'off' ignored", True), ("surplus word 'x' ignored", True), ("surplus word 'W' ignored", False),
        ("surplus word '1' ignored", True), ("Unknown configuration entry 'eth0' for ip address - ignoring", False)]
