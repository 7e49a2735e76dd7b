"""What reading and writing heads and framing bodies cost, one call at a time.

    python -m pytest bench/micro/test_heads.py --benchmark-only --benchmark-columns=min,median,ops

The minimum is the figure to compare: it is what the code costs when nothing else runs. Budget of the pure-Python twin, in µs on
the machine of DESIGN §5: request read 7, written 2.5; response read 5, written 2.
"""

from __future__ import annotations

import h11
from pytest_benchmark.fixture import BenchmarkFixture

from proxy.core.cookie_scan import scan
from proxy.core.http1.chunk_encoder import CHUNK_END, chunk_head, last_chunk
from proxy.core.http1.chunked import ChunkedDecoder
from proxy.core.http1.head import RequestHead, ResponseHead
from proxy.core.http1.limits import DEFAULT_LIMITS
from proxy.core.http1.reader import read_request, read_response
from proxy.core.http1.writer import request_bytes, response_bytes

BROWSER = (
    b"GET /index.html?x=1 HTTP/1.1\r\nHost: www.example.com\r\nConnection: keep-alive\r\nCache-Control: max-age=0\r\n"
    b'sec-ch-ua: "Chromium";v="120", "Not:A-Brand";v="8"\r\nsec-ch-ua-mobile: ?0\r\nUpgrade-Insecure-Requests: 1\r\n'
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-US,en;q=0.9,de;q=0.8\r\n"
    b"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\nReferer: http://www.example.com/start\r\n\r\n"
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 06:54:51 GMT\r\nContent-Type: text/html\r\n"
    b'Content-Length: 612\r\nLast-Modified: Sun, 22 Nov 2026 06:54:51 GMT\r\nETag: "637c9f1b-264"\r\n\r\n'
)
XFF = b"x-forwarded-for: 127.0.0.1\r\n"
PIECE = bytes(65536)


def whole_request(octets: bytes) -> RequestHead:
    head = read_request(octets, 0, DEFAULT_LIMITS)
    assert head is not None
    return head


def whole_response(octets: bytes) -> ResponseHead:
    head = read_response(octets, 0, DEFAULT_LIMITS, b"GET")
    assert head is not None
    return head


def test_read_a_browsers_request(benchmark: BenchmarkFixture) -> None:
    assert len(benchmark(read_request, BROWSER, 0, DEFAULT_LIMITS).fields) == 11


def test_read_a_small_request(benchmark: BenchmarkFixture) -> None:
    benchmark(read_request, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, DEFAULT_LIMITS)


def test_read_a_request_by_h11(benchmark: BenchmarkFixture) -> None:
    benchmark(read_request, BROWSER.replace(b"max-age=0\r\n", b"max-age=0 \r\n"), 0, DEFAULT_LIMITS)


def test_h11_alone(benchmark: BenchmarkFixture) -> None:
    def read() -> None:
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(BROWSER)
        connection.next_event()

    benchmark(read)


def test_read_a_request_with_a_length(benchmark: BenchmarkFixture) -> None:
    octets = BROWSER.replace(b"Referer", b"Content-Length: 5\r\nReferer")
    assert benchmark(read_request, octets, 0, DEFAULT_LIMITS).content_length == 5


def test_write_a_browsers_request(benchmark: BenchmarkFixture) -> None:
    benchmark(request_bytes, whole_request(BROWSER), b"", XFF)


def test_read_a_response(benchmark: BenchmarkFixture) -> None:
    assert benchmark(read_response, ANSWER, 0, DEFAULT_LIMITS, b"GET").content_length == 612


def test_write_a_response(benchmark: BenchmarkFixture) -> None:
    benchmark(response_bytes, whole_response(ANSWER), b"", b"")


def test_find_a_cookie(benchmark: BenchmarkFixture) -> None:
    assert benchmark(scan, b"session=0123456789abcdef0123456789abcdef; theme=dark; SRV=s1", b"SRV") is not None


def test_write_a_small_chunked_body(benchmark: BenchmarkFixture) -> None:
    def encode() -> bytes:
        return chunk_head(5) + b"hello" + CHUNK_END + last_chunk([])

    assert benchmark(encode) == b"5\r\nhello\r\n0\r\n\r\n"


def test_a_span_inside_a_chunk(benchmark: BenchmarkFixture) -> None:
    decoder = ChunkedDecoder()
    decoder.feed(b"7fffffffffffffff\r\n")
    benchmark(decoder.feed, PIECE)


def test_a_small_chunked_body(benchmark: BenchmarkFixture) -> None:
    def decode() -> bool:
        decoder = ChunkedDecoder()
        decoder.feed(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        return decoder.done

    assert benchmark(decode)
