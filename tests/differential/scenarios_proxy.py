"""The PROXY protocol on a listener: good headers, bad ones, none at all, and what is counted and logged of each."""

from __future__ import annotations

from tests.differential.scenario import DEFAULTS, Scenario
from tests.differential.scenarios_http import ONE
from tests.differential.steps import Drop, End, Receive, Send, Shows, Shut, flat, request

LISTENER = ONE.replace("@front@", "@front@ accept-proxy") + " option socket-stats\n option forwardfor\n"
QUIET = LISTENER + " option dontlognull\n"
IMPATIENT = DEFAULTS.replace("timeout client 5s", "timeout client 800ms")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ENDS = b"\x0a\1\2\3\x0a\x09\x08\x07\x04\xd2\0\x50"
V4 = b"PROXY TCP4 10.1.2.3 10.9.8.7 1234 80\r\n"
V6 = b"\x20\x01\x0d\xb8" + bytes(11) + b"\1" + b"\x20\x01\x0d\xb8" + bytes(11) + b"\2"

BEFORE_A_REQUEST = {
    "unknown": b"PROXY UNKNOWN\r\n",
    "unknown-and-more": b"PROXY UNKNOWN a b c\r\n",
    "port-0": V4.replace(b"1234 80", b"0 0"),
    "bad-port": V4.replace(b"1234", b"99999"),
    "port-with-zero": V4.replace(b"1234", b"0123"),
    "short-address": V4.replace(b"10.1.2.3", b"10.1.2"),
    "v6-in-tcp4": b"PROXY TCP4 ::1 ::1 99 80\r\n",
    "v4-in-tcp6": V4.replace(b"TCP4", b"TCP6"),
    "lf-only": V4.replace(b"\r", b""),
    "five-fields": V4.replace(b" 80", b" 80 more"),
    "no-ports": b"PROXY TCP4 10.1.2.3 10.9.8.7\r\n",
    "two-spaces": V4.replace(b"TCP4 ", b"TCP4  "),
    "lower-case": V4.lower(),
    "other-protocol": b"PROXY X\r\n",
    "nothing-of-it": b"",
    "v2-local": SIGNATURE + b"\x20\0\0\0",
    "v2-local-with-addresses": SIGNATURE + b"\x20\x11\0\x0c" + ENDS,
    "v2-tlv": SIGNATURE + b"\x21\x11\0\x13" + ENDS + b"\x04\0\4abcd",
    "v2-long-tlv": SIGNATURE + b"\x21\x11\x07\xd0" + ENDS + b"\x04" + (1985).to_bytes(2, "big") + b"x" * 1985,
    "v2-ipv6": SIGNATURE + b"\x21\x21\0\x24" + V6 + b"\x04\xd2\0\x50",
    "v2-version-1": SIGNATURE + b"\x11\x11\0\x0c" + ENDS,
    "v2-command-2": SIGNATURE + b"\x22\x11\0\x0c" + ENDS,
    "v2-too-short": SIGNATURE + b"\x21\x11\0\x08" + ENDS[:8],
    "v2-udp": SIGNATURE + b"\x21\x12\0\x0c" + ENDS,
    "v2-huge": SIGNATURE + b"\x21\x11\xff\xff" + ENDS,
    "v2-unix": SIGNATURE + b"\x21\x31\0\xd8" + bytes(216),
    "v2-unspecified": SIGNATURE + b"\x21\0\0\0",
    "v2-bad-checksum": SIGNATURE + b"\x21\x11\0\x13" + ENDS + b"\x03\0\4abcd",
    "v2-bad-tlv": SIGNATURE + b"\x21\x11\0\x13" + ENDS + b"\x04\0\x09abcd",
}
ACCEPTED = Shows(row="app/FRONTEND", column="conn_tot", value="1")
CUT = flat(ACCEPTED, Drop(reset=True))
LEFT = flat(Shut(), End())


def without(name: str, octets: bytes, quiet_logs: int, *, late: bool = False) -> list[Scenario]:
    """A client that never gets so far, with `option dontlognull` and without."""
    ways = {"late": flat(End())} if late else {"left": LEFT, "cut": CUT}
    return [
        Scenario(
            f"accept-proxy-{name}-{way}{kind}", config, flat(Send(octets=octets), *steps), logs=logs,
            defaults=IMPATIENT if late else DEFAULTS,
        )
        for way, steps in ways.items()
        for kind, config, logs in (("", LISTENER, 1), ("-null", QUIET, quiet_logs))
    ]


SCENARIOS = (
    *(
        Scenario(f"accept-proxy-{name}", LISTENER, flat(Send(octets=octets + request("/")), Receive(), Drop()))
        for name, octets in BEFORE_A_REQUEST.items()
    ),
    *without("nothing", b"", 0),
    *without("part", b"PRO", 1),
    *without("nothing", b"", 0, late=True),
    *without("part", b"PROXY TCP4 10.1", 1, late=True),
    Scenario("accept-proxy-too-long", LISTENER, flat(Send(octets=b"PROXY TCP4 " + b"1" * 200), End())),
    Scenario("accept-proxy-then-nothing", LISTENER, flat(Send(octets=V4), Shut(), End())),
)
