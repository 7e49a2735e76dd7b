"""`send-proxy` and its kin on server lines: which PROXY header a server is sent."""

from __future__ import annotations

from proxy.base import proxy_parts
from proxy.config.keywords.row import Line, Refusal
from proxy.config.keywords.words import LineWord, Read, Values

FIELD = "send_proxy"
OPTIONS = {
    "ssl": proxy_parts.SSL,
    "cert-cn": proxy_parts.SSL | proxy_parts.SSL_CN,
    "ssl-cipher": proxy_parts.SSL,
    "cert-sig": proxy_parts.SSL,
    "cert-key": proxy_parts.SSL,
    "authority": proxy_parts.AUTHORITY,
    "crc32c": proxy_parts.CRC32C,
    "unique-id": proxy_parts.UNIQUE_ID,
}
_V2_SSL = proxy_parts.V2 | proxy_parts.SSL
_V2_SSL_CN = _V2_SSL | proxy_parts.SSL_CN


def _add(parts: int) -> Read:
    def read(line: Line, index: int, values: Values) -> None:
        values[FIELD] = values.get(FIELD, 0) | parts

    return read


def _take(parts: int) -> Read:
    def read(line: Line, index: int, values: Values) -> None:
        values[FIELD] = values.get(FIELD, 0) & ~parts

    return read


def _read_options(line: Line, index: int, values: Values) -> None:
    for option in line.text(index + 1).split(","):
        if option not in OPTIONS:
            raise Refusal(f"'{option}' : proxy v2 option not implemented", line.at(index + 1), f"one of {', '.join(OPTIONS)}")
        values[FIELD] = values.get(FIELD, 0) | OPTIONS[option]


PROXY_HEADER_WORDS: tuple[LineWord, ...] = (
    LineWord("send-proxy", "", _add(proxy_parts.V1), loads=("send-proxy",), fails=("send-proxies",)),
    LineWord("no-send-proxy", "", _take(proxy_parts.V1), loads=("no-send-proxy",), fails=("no-send-proxies",)),
    LineWord("send-proxy-v2", "", _add(proxy_parts.V2), loads=("send-proxy-v2",), fails=("send-proxy-v3",)),
    LineWord("no-send-proxy-v2", "", _take(proxy_parts.V2), loads=("no-send-proxy-v2",), fails=("no-send-proxy-v3",)),
    LineWord("send-proxy-v2-ssl", "", _add(_V2_SSL), loads=("send-proxy-v2-ssl",), fails=("send-proxy-v2-tls",)),
    LineWord("no-send-proxy-v2-ssl", "", _take(_V2_SSL), loads=("no-send-proxy-v2-ssl",), fails=("no-send-proxy-v2-tls",)),
    LineWord("send-proxy-v2-ssl-cn", "", _add(_V2_SSL_CN), loads=("send-proxy-v2-ssl-cn",), fails=("send-proxy-v2-tls-cn",)),
    LineWord("no-send-proxy-v2-ssl-cn", "", _take(_V2_SSL_CN), loads=("no-send-proxy-v2-ssl-cn",),
             fails=("no-send-proxy-v2-tls-cn",)),
    LineWord("proxy-v2-options", "<option>[,...]", _read_options, 1, missing="'proxy-v2-options' : missing value",
             loads=("send-proxy-v2 proxy-v2-options crc32c", "proxy-v2-options ssl,cert-cn,unique-id,authority"),
             fails=("proxy-v2-options", "proxy-v2-options crc", "proxy-v2-options crc32c,")),
)
