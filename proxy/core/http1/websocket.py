"""What a WebSocket handshake must have to be passed on, as far as HAProxy looks at it.

The key and its answer are for the two ends to check (RFC 6455 sections 4.1 and 4.2.1); here they must be there, so that no
request can be made to look like a handshake, nor a response like its acceptance, by a peer that never meant one.
"""

from __future__ import annotations

from proxy.core.http1.head import RequestHead, ResponseHead

WEBSOCKET = b"websocket"
KEY_OCTETS = 24                 # 16 octets in base64


def lacks_key(head: RequestHead) -> bool:
    """Is this a request for a WebSocket without a key of the right length?"""
    if not _names_websocket(head.upgrade):
        return False
    key = head.get(b"sec-websocket-key")
    return key is None or len(key) != KEY_OCTETS


def lacks_answer(asked: RequestHead, head: ResponseHead) -> bool:
    """Does this 101 begin a WebSocket without an answer to the key?"""
    return (
        _names_websocket(asked.upgrade) and _names_websocket(head.upgrade)
        and not any(name == b"sec-websocket-accept" for name, _ in head.fields)
    )


def _names_websocket(upgrade: bytes) -> bool:
    return any(protocol.strip(b" \t") == WEBSOCKET for protocol in upgrade.lower().split(b","))
