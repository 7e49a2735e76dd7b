"""X-Forwarded-For and X-Original-To, as HAProxy 2.6 adds them."""

from __future__ import annotations

import pytest

from proxy.core.address_fields import LINES_KEPT, AddressFieldPolicy, in_force
from proxy.core.http1.head import RequestHead


def head_with(*fields: tuple[bytes, bytes]) -> RequestHead:
    head = RequestHead()
    head.fields = list(fields)
    return head


def told(policy: AddressFieldPolicy | None, address: str = "10.1.2.3", *fields: tuple[bytes, bytes]) -> bytes:
    assert policy is not None
    return policy.line(head_with(*fields), address)


def test_a_line_is_added_whatever_the_client_sent() -> None:
    policy = AddressFieldPolicy("X-Forwarded-For")
    assert told(policy) == b"x-forwarded-for: 10.1.2.3\r\n"
    assert told(policy, "10.1.2.3", (b"x-forwarded-for", b"9.9.9.9")) == b"x-forwarded-for: 10.1.2.3\r\n"
    assert told(policy, "::ffff:1.2.3.4") == b"x-forwarded-for: ::ffff:1.2.3.4\r\n"


def test_nothing_is_told_of_a_client_without_an_address() -> None:
    assert told(AddressFieldPolicy("X-Forwarded-For"), "") == b""


@pytest.mark.parametrize(
    ("net", "address", "is_told"),
    [
        ("10.0.0.0/8", "10.255.0.1", False),
        ("10.0.0.0/8", "11.0.0.1", True),
        ("10.0.0.0/255.0.0.0", "10.1.1.1", False),
        ("127.0.0.1", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.2", True),
        ("10.0.0.0/8", "2001:db8::1", True),
        ("2001:db8::/32", "2001:db8::1", False),
        ("10.1.2.3/8", "10.9.9.9", False),
    ],
)
def test_except(net: str, address: str, is_told: bool) -> None:
    policy = AddressFieldPolicy("x-f", (net,))
    for _ in range(2):
        assert bool(told(policy, address)) is is_told


def test_if_none_looks_for_its_own_header_only() -> None:
    policy = AddressFieldPolicy("X-F", (), True)
    assert told(policy, "10.1.2.3", (b"x-f", b"9")) == b""
    assert told(policy, "10.1.2.3", (b"x-forwarded-for", b"9")) == b"x-f: 10.1.2.3\r\n"


def test_the_backends_header_wins_and_the_exceptions_of_both_count() -> None:
    front = AddressFieldPolicy("X-Front", ("10.0.0.0/8",))
    back = AddressFieldPolicy("X-Back", ("11.0.0.0/8",))
    both = in_force(front, back)
    assert told(both, "10.1.2.3") == told(both, "11.1.2.3") == b""
    assert told(both, "12.1.2.3") == b"x-back: 12.1.2.3\r\n"
    assert in_force(front, back) is both
    assert in_force(back, back) is back


@pytest.mark.parametrize(("front", "back", "trusted"), [(True, True, True), (True, False, False), (False, True, False)])
def test_if_none_holds_only_when_both_say_so(front: bool, back: bool, trusted: bool) -> None:
    policy = in_force(AddressFieldPolicy("X-F", (), front), AddressFieldPolicy("X-F", (), back))
    assert (told(policy, "10.1.2.3", (b"x-f", b"9")) == b"") is trusted


def test_one_side_alone_is_enough() -> None:
    policy = AddressFieldPolicy("X-F")
    assert in_force(policy, None) is policy
    assert in_force(None, policy) is policy
    assert in_force(None, None) is None


def test_lines_are_kept_for_a_bounded_number_of_clients() -> None:
    policy = AddressFieldPolicy("X-F")
    for number in range(LINES_KEPT + 10):
        assert told(policy, f"10.0.{number >> 8}.{number & 255}") == f"x-f: 10.0.{number >> 8}.{number & 255}\r\n".encode()
    assert len(policy._lines) == 10


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        AddressFieldPolicy("X-F", ("nonsense",))
