"""What a change of protocol must have to be passed on.

Only a protocol that the client has asked for may follow a 101 (RFC 9110 section 7.8). A WebSocket's key and its answer are for
the two ends to check (RFC 6455 sections 4.1 and 4.2.1); here they must be there, as HAProxy wants it, so that no request can be
made to look like a handshake, nor a response like its acceptance, by a peer that never meant one.
"""

from __future__ import annotations

from proxy.core.http1.head import RequestHead, ResponseHead

WEBSOCKET = b"websocket"
KEY_OCTETS = 24                 # 16 octets in base64
ABOVE_ANOTHER = b"http/1.1"     # may be named behind what was asked for: "TLS/1.2, HTTP/1.1" (RFC 2817 section 3.3)


def lacks_key(head: RequestHead) -> bool:
    """Is this a request for a WebSocket without a key of the right length?"""
    if WEBSOCKET not in protocols(head.upgrade):
        return False
    key = head.get(b"sec-websocket-key")
    return key is None or len(key) != KEY_OCTETS


def may_switch(asked: RequestHead, head: ResponseHead) -> bool:
    """Does this 101 begin what the request has asked for, a WebSocket with an answer to the key?"""
    wanted, named = protocols(asked.upgrade), protocols(head.upgrade)
    if not named or not wanted.issuperset(named - {ABOVE_ANOTHER}):
        return False
    return WEBSOCKET not in named or any(name == b"sec-websocket-accept" for name, _ in head.fields)


def protocols(upgrade: bytes) -> set[bytes]:
    """The protocols in the value of an Upgrade field, in lower case."""
    return {member for raw in upgrade.lower().split(b",") if (member := raw.strip(b" \t"))}
