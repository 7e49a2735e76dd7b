"""Which plane is chosen, what the others refuse, and the text that user space gets."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from proxy.config.load import load
from proxy.ha.conf.services import Forwarding, ForwardingMethod, Protocol, Scheduler
from proxy.ha.loop import Loop
from proxy.ha.virtual.plan import Match, Server, Service, Timeouts, Traffic
from proxy.ha.virtual.planes import choose
from proxy.ha.virtual.planes.nft import rehearsal
from proxy.ha.virtual.planes.nft.library import NftError, first_line
from proxy.ha.virtual.planes.plane import PlaneError
from proxy.ha.virtual.planes.userspace import UserspacePlane, configuration_text
from proxy.ha.virtual.rates import SAMPLE_S, Estimator

VIP = ip_address("10.0.0.100")
NAT = ForwardingMethod(Forwarding.NAT)


class Listening:
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, level: str, text: str) -> None:
        self.said.append(text)

    def detail(self, text: str) -> None:
        self.said.append(text)


def service(*weights: int, **more: object) -> Service:
    servers = tuple(Server(ip_address("10.0.0.1") + index, 80, weight, NAT) for index, weight in enumerate(weights))
    return replace(Service("[10.0.0.100]:tcp:80", 4, Protocol.TCP, (Match(VIP, VIP, 80),), Scheduler.WRR, servers, method=NAT),
                   **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("more", "parts"), [
    ({}, ["balance roundrobin", "server 10.0.0.1_80 10.0.0.1:80 weight 3", "server 10.0.0.3_80 10.0.0.3:80 weight 1"]),
    ({"scheduler": Scheduler.RR}, ["server 10.0.0.1_80 10.0.0.1:80 weight 1"]),
    ({"scheduler": Scheduler.MH}, ["balance source", "hash-type consistent"]),
    ({"persistence_timeout_s": 9}, ["balance source", "hash-type consistent"]),
    ({"scheduler": Scheduler.OVF}, ["balance first", "server 10.0.0.1_80 10.0.0.1:80 weight 3 maxconn 3"]),
    ({"scheduler": Scheduler.WLC}, ["balance leastconn"]),
    ({"matches": (Match(VIP, VIP + 1, 80),)}, ["bind 10.0.0.100:80 transparent", "bind 10.0.0.101:80 transparent"]),
])
def test_the_proxys_configuration(more: dict[str, object], parts: list[str]) -> None:
    text = configuration_text([service(3, 0, 1, **more), replace(service(), name="[10.0.0.101]:tcp:80")], Timeouts())
    lines = [line.strip() for line in text.splitlines()]
    assert all(part in lines for part in parts), text
    # Without weight there are no new connections; without servers no listener, and the kernel refuses.
    assert "10.0.0.2" not in text
    assert text.count("listen ") == 1
    assert load(text=text).diagnostics == ()


def test_weights_fit_into_haproxys_range() -> None:
    text = configuration_text([service(65535, 1)], Timeouts())
    assert "10.0.0.1:80 weight 256" in text
    assert "10.0.0.2:80 weight 1" in text


def test_what_user_space_refuses() -> None:
    plane = UserspacePlane(Loop(), Listening())
    try:
        assert plane.refuses(service(1)) == ""
        assert "lb_kind NAT only" in plane.refuses(service(1, method=ForwardingMethod(Forwarding.DR)))
        assert "TCP only" in plane.refuses(service(1, protocol=Protocol.UDP))
        assert "firewall marks" in plane.refuses(service(1, matches=(Match(mark=7),)))
        assert "needs IPVS" in plane.refuses(service(1, scheduler=Scheduler.TWOS))
        assert "more than 256" in plane.refuses(service(1, matches=(Match(VIP, VIP + 300, 80),)))
    finally:
        plane.stop(keep=False)


def test_a_plane_that_is_asked_for_is_chosen_or_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, log = Loop(), Listening()
    monkeypatch.setenv(choose.WISH, "userspace")
    plane = choose.choose(loop, log)
    assert plane.name == "pyproxy in user space"
    assert "are served in user space" in log.said[0]
    plane.stop(False)
    monkeypatch.setenv(choose.WISH, "lvs")
    with pytest.raises(PlaneError, match="there are ipvs, nftables and userspace"):
        choose.choose(loop, log)
    loop.close()


class Refusing:
    name = "nft"

    def __init__(self, word: str) -> None:
        self.word, self.texts = word, []  # type: ignore[var-annotated]

    def run(self, text: str) -> None:
        self.texts.append(text)
        if self.word and self.word in text:
            raise NftError("Operation not supported")

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(("word", "what"), [("", ""), ("update @", "CONFIG_NF_TABLES_NETDEV"), (" fwd ", "CONFIG_NFT_FWD_NETDEV"),
                                            ("jhash", "CONFIG_NFT_HASH"), ("dnat", "CONFIG_NFT_NAT")])
def test_the_rehearsal_says_what_is_missing(word: str, what: str) -> None:
    nft = Refusing(word)
    said = rehearsal.rehearse(nft)
    assert (what in said) if what else said == ""
    # Nothing is left behind: each part takes its table away in the same transaction.
    assert all(text.rstrip().splitlines()[-1].startswith("delete table") for text in nft.texts)


def test_nfts_words_without_its_places() -> None:
    said = b'/dev/stdin:3:1-9: Error: Could not process rule: No such file or directory\nadd rule x\n^^^^^\n'
    assert first_line(said) == "Could not process rule: No such file or directory"
    assert first_line(b"") == "refused without a reason"
    assert first_line(b"nft: not found\n") == "nft: not found"


def test_rates_come_near_to_what_happens_and_fade() -> None:
    estimator, traffic = Estimator(), Traffic()
    for index in range(40):
        estimator.sample(index * SAMPLE_S, replace(traffic, connections=index * 20, in_packets=index * 100))
    assert abs(estimator.rates.connections - 10) < 0.1
    assert abs(estimator.rates.in_packets - 50) < 0.5
    # Counters that begin anew are no negative rate.
    estimator.sample(40 * SAMPLE_S, Traffic())
    assert 0 <= estimator.rates.connections < 10
    for index in range(41, 80):
        estimator.sample(index * SAMPLE_S, Traffic())
    assert estimator.rates.connections < 0.01
