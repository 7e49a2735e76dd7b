"""Error pages: `errorfile`, `errorloc302` and `errorloc303`, made ready to be sent."""

from __future__ import annotations

from proxy.base.errors import LocalProtocolError, ProtocolError
from proxy.config.model import ErrorPage
from proxy.core.http1.limits import DEFAULT_LIMITS
from proxy.core.http1.reader import read_response
from proxy.core.http1.writer import response_bytes
from proxy.core.stream.reply import Page, Pages

REDIRECT_HEAD = b"HTTP/1.1 %d %b\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: %b\r\n"
REASONS = {302: b"Found", 303: b"See Other"}


def error_pages(pages: tuple[ErrorPage, ...]) -> Pages:
    """The pages by the status they replace."""
    return {page.status: _page(page) for page in pages}


def _page(page: ErrorPage) -> Page:
    if page.location:
        status = page.redirect_status
        return Page(status, REDIRECT_HEAD % (status, REASONS[status], page.location.encode("utf-8", "surrogateescape")), b"")
    return from_file(page.raw, page.status)


def from_file(raw: bytes, status: int) -> Page:
    """The response that an error file holds; its body's length is counted anew.

    A file that is no HTTP/1 response (old ones often have bare line feeds) is read with its line ends mended. An empty one, as
    /dev/null, answers nothing.
    """
    if not raw:
        return Page(status, b"", b"")
    head, end, body = raw.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not end:
        head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    try:
        parsed = read_response(lines + b"\r\n\r\n", 0, DEFAULT_LIMITS, b"GET")
    except ProtocolError:
        parsed = None
    if parsed is None:
        raise LocalProtocolError(f"the error file for {status} is no HTTP response", 500)
    parsed.chunked = False
    parsed.version_minor = 1
    parsed.content_length = len(body)
    return Page(parsed.status, response_bytes(parsed, b"", b"")[:-2], body)
