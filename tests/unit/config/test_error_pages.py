"""Error pages: files that are answers, files that are not, and answers made here."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.base.errors import ConfigError
from proxy.config.keywords.error_pages import LONGEST, check_response
from proxy.config.load import load

PAGE = b"HTTP/1.0 503 Service Unavailable\r\nCache-Control: no-cache\r\n\r\n<h1>back soon</h1>\n"


def loaded(lines: str) -> dict[int, bytes]:
    text = f"listen l\n mode http\n bind :1\n timeout client 1s\n{lines}"
    return {page.status: page.raw for page in load(text=text, environment={}).proxies[0].error_pages}


def refused(lines: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(lines)
    return caught.value.diagnostics[0].message


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (PAGE, ""),
        (PAGE.replace(b"\r\n", b"\n"), ""),
        (b"HTTP/1.1 503 \r\n\r\n", ""),
        (b"HTTP/1.1 503\r\n\r\n", ""),
        (b"", ""),
        (b"<h1>back soon</h1>", "unable to parse headers (error offset: 0)"),
        (b"HTTP/1.0 503 Sorry\r\n", "unable to parse headers (error offset: 20)"),
        (b"HTTP/1.0 503 Sorry\r\nno field\r\n\r\n", "unable to parse headers (error offset: 20)"),
        (b"HTTP/1.0 503 Sorry\r\nA: b\x00\r\n\r\n", "unable to parse headers (error offset: 20)"),
        (b"\r\nHTTP/1.0 503 Sorry\r\nContent-Length: 1\r\n\r\nx", ""),
        (b"HTTP/1.0 503 Sorry\nTransfer-Encoding: chunked\n\n0\n\n", "chunk-encoded payload not supported"),
        (b"HTTP/1.0 100 Go on\r\n\r\n", "invalid http status code for an error message (100)"),
        (b"HTTP/1.0 204 No\r\n\r\n", ""),
        (b"HTTP/1.0 204 No\r\n\r\nx", "message payload not expected"),
        (
            b"HTTP/1.0 503 Sorry\r\nContent-Length: 9\r\n\r\nx",
            "payload size does not match the announced content-length (1 != 9)",
        ),
        (b"HTTP/1.0 503 Sorry\r\n\r\n" + b"x" * LONGEST, f"it is longer than {LONGEST} octets"),
    ],
)
def test_what_is_a_response(content: bytes, complaint: str) -> None:
    assert check_response(content) == complaint


def test_a_file_is_kept_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "503.http").write_bytes(PAGE)
    assert loaded(f" errorfile 503 {tmp_path}/503.http\n") == {503: PAGE}


def test_a_file_that_is_no_answer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "503.http").write_bytes(b"<h1>back soon</h1>")
    assert refused(f" errorfile 503 {tmp_path}/503.http\n") == (
        f"errorfile : '{tmp_path}/503.http': unable to parse headers (error offset: 0)"
    )


def test_a_directory_and_a_name_that_cannot_be_are_refused() -> None:
    assert refused(" errorfile 503 /\n") == "errorfile : error reading file '/'."
    assert refused(f" errorfile 503 /{'x' * 300}\n").startswith("errorfile : error reading file")


def test_a_file_one_may_not_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from proxy.config.load_options import LoadOptions

    def forbidden(path: str) -> bytes:
        raise PermissionError(path)

    with pytest.raises(ConfigError) as caught:
        load(text="listen l\n errorfile 503 /secret\n", environment={}, options=LoadOptions(read_file=forbidden))
    assert caught.value.diagnostics[0].hint == "permission denied: make it readable"


def test_an_answer_is_made_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(b"<p>")
    lines = " http-error status 503 content-type text/plain hdr Retry-After 5 string sorry\n"
    lines += f" http-error status 400 file {tmp_path}/page.html\n"
    assert loaded(lines) == {
        503: b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\ncontent-type: text/plain\r\nRetry-After: 5\r\n\r\nsorry",
        400: b"HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\n<p>",
    }


def test_a_whole_answer_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "503.http").write_bytes(PAGE)
    assert loaded(f" http-error status 503 errorfile {tmp_path}/503.http\n") == {503: PAGE}
    (tmp_path / "503.http").write_bytes(b"nothing")
    assert "unable to parse headers (error offset: 0)" in refused(f" http-error status 503 errorfile {tmp_path}/503.http\n")


def test_an_http_error_of_nothing_is_the_built_in_page(tmp_path: Path) -> None:
    (tmp_path / "503.http").write_bytes(PAGE)
    assert loaded(f" errorfile 503 {tmp_path}/503.http\n http-error status 503\n") == {}


def test_a_field_cannot_be_smuggled_into_an_answer() -> None:
    assert refused(' http-error status 503 content-type "a\\r\\nb" string x\n').startswith("http-error : unable to parse headers")
    assert refused(" http-error status 503 string\n") == "http-error : 'string' expects an argument."


def test_a_location_has_no_spaces() -> None:
    assert refused(' errorloc 503 "/a b"\n') == "errorloc : invalid URL '/a b'"


def test_the_last_page_of_a_status_counts() -> None:
    text = "listen l\n mode http\n bind :1\n timeout client 1s\n errorloc 503 /a\n errorloc303 503 /b\n"
    pages = load(text=text, environment={}).proxies[0].error_pages
    assert [(page.location, page.redirect_status) for page in pages] == [("/b", 303)]
