"""What is answered instead of the built-in errors: `errorfile`, `errorloc`, `http-error` and their kin."""

from __future__ import annotations

import re
from collections.abc import Callable

from proxy.config.drafts import ProxyDraft
from proxy.config.keywords.row import ANY_PROXY, Acts, Keyword, Line, Refusal
from proxy.config.keywords.values import integer_or_none
from proxy.config.model import ErrorPage

Row = Keyword[ProxyDraft]

STATUSES = (200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 425, 429, 500, 501, 502, 503, 504)
LONGEST = 16384 - 1024                  # tune.bufsize less tune.maxrewrite: an answer must fit into one buffer
_STATUS_LINE = re.compile(rb"(?:\r\n)?HTTP/[0-9]\.[0-9] (?P<status>[0-9]{3})( [^\r\n]*)?\r?\n", re.ASCII)
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r?\n")
_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone", 413: "Content Too Large", 425: "Too Early",
    429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_OF_STATUS = "the statuses pyproxy answers itself: " + ", ".join(map(str, STATUSES))


def _status(line: Line, index: int, keyword: str) -> int:
    status = integer_or_none(line.text(index)) or 0
    if status not in STATUSES:
        raise Refusal(f"{keyword} : status code '{line.text(index)}' not handled.", line.at(index), _OF_STATUS)
    return status


def _content(line: Line, index: int, keyword: str) -> bytes:
    """The file's content. Raises: Refusal, in HAProxy's words."""
    path = line.text(index)
    try:
        content = line.options.read_file(path)
    except FileNotFoundError:
        raise Refusal(f"{keyword} : error opening file '{path}'.", line.at(index), "there is no such file") from None
    except PermissionError:
        raise Refusal(f"{keyword} : error opening file '{path}'.", line.at(index),
                      "permission denied: make it readable") from None
    except (OSError, ValueError) as error:
        raise Refusal(f"{keyword} : error reading file '{path}'.", line.at(index),
                      str(getattr(error, "strerror", None) or error)) from None
    return content


def check_response(content: bytes) -> str:
    """Why these octets are no HTTP/1 response that can be sent as it stands; "" when they are, or are empty.

    Source: HAProxy configuration manual, "errorfile".
    """
    if not content:
        return ""
    if len(content) > LONGEST:
        return f"it is longer than {LONGEST} octets"
    match = _STATUS_LINE.match(content)
    if not match:
        return "unable to parse headers (error offset: 0)"
    at, length = match.end(), None
    while not content.startswith((b"\r\n", b"\n"), at):
        field = _FIELD.match(content, at)
        if not field:
            return f"unable to parse headers (error offset: {at})"
        name, _, value = field[0].lower().partition(b":")
        if name == b"transfer-encoding":
            return "chunk-encoded payload not supported"
        if name == b"content-length":
            length = value.strip(b" \t\r\n")
        at = field.end()
    payload = content[at:].split(b"\n", 1)[1]
    return _complaint_of_payload(int(match["status"]), length, len(payload))


def _complaint_of_payload(status: int, length: bytes | None, size: int) -> str:
    """What is wrong with a payload of this size, in HAProxy's words."""
    if status < 200:
        return f"invalid http status code for an error message ({status})"
    if size and status in (204, 304):
        return "message payload not expected"
    if length is not None and length != b"%d" % size:
        return f"payload size does not match the announced content-length ({size} != {length.decode('latin-1')})"
    return ""


def _read_errorfile(line: Line, proxy: ProxyDraft) -> None:
    status = _status(line, 0, "errorfile")
    content = _content(line, 1, "errorfile")
    complaint = check_response(content)
    if complaint:
        raise Refusal(
            f"errorfile : '{line.text(1)}': {complaint}", line.at(1),
            "the file is a whole response: a status line, fields, an empty line, and then the page",
        )
    proxy.error_pages[status] = ErrorPage(status, content, where=line.where)


def _location(redirect_status: int) -> Callable[[Line, ProxyDraft], None]:
    def read(line: Line, proxy: ProxyDraft) -> None:
        status = _status(line, 0, line.keyword)
        location = line.text(1)
        if re.search(r"[\x00-\x20\x7f]", location):
            raise Refusal(f"{line.keyword} : invalid URL '{location}'", line.at(1))
        proxy.error_pages[status] = ErrorPage(status, location=location, redirect_status=redirect_status, where=line.where)

    return read


def _read_http_error(line: Line, proxy: ProxyDraft) -> None:
    """The forms that do not depend on the request are made into a whole response here."""
    if line.text(0) != "status" or len(line.arguments) < 2:
        raise Refusal("http-error : expects at least a <status> as arguments.", line.at(0),
                      'http-error status 503 content-type "text/plain" string "sorry"')
    status = _status(line, 1, "http-error")
    content_type, body, whole = "", None, None
    fields: list[tuple[str, str]] = []
    index = 2
    while index < len(line.arguments):
        word, at = line.text(index), index + 1
        if word in ("lf-file", "lf-string"):
            raise line.unsupported(
                f"http-error … {word}",
                f"'http-error … {word}' is not supported by this version of pyproxy: expressions are not evaluated yet",
                f"http-error … {word.removeprefix('lf-')}", line.at(index),
            )
        if at >= len(line.arguments):
            raise Refusal(f"http-error : '{word}' expects an argument.", line.at(index))
        if word == "content-type":
            content_type = line.text(at)
        elif word == "string":
            body = line.text(at).encode("utf-8", "surrogateescape")
        elif word == "file":
            body = _content(line, at, "http-error")
        elif word == "errorfile":
            whole = _content(line, at, "http-error")
        elif word == "hdr" and at + 1 < len(line.arguments):
            fields.append((line.text(at), line.text(at + 1)))
            index += 1
        else:
            raise Refusal(f"http-error : unknown keyword '{word}'.", line.at(index))
        index += 2
    if whole is None and body is None:
        proxy.error_pages.pop(status, None)         # nothing of its own: the built-in page
        return
    if whole is None:
        whole = _response(status, content_type, fields, body or b"")
    complaint = check_response(whole)
    if complaint:
        raise Refusal(f"http-error : {complaint}", line.statement)
    proxy.error_pages[status] = ErrorPage(status, whole, where=line.where)


def _response(status: int, content_type: str, fields: list[tuple[str, str]], body: bytes) -> bytes:
    head = [f"HTTP/1.1 {status} {_REASONS[status]}", f"content-length: {len(body)}"]
    head += [f"content-type: {content_type}"] if content_type else []
    head += [f"{name}: {value}" for name, value in fields]
    return "\r\n".join(head).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def _read_errorfiles(line: Line, proxy: ProxyDraft) -> None:
    line.ignored("errorfiles", because="the built-in pages are answered; write: errorfile <status> <file>")


ROWS: tuple[Row, ...] = (
    Row("errorfile", ANY_PROXY, "<status> <file>", _read_errorfile, least=2,
        missing="errorfile : expects <status_code> and <file> as arguments.", loads=("errorfile 503 /dev/null",),
        fails=("errorfile", "errorfile 503", "errorfile 999 /dev/null", "errorfile 503 /nonexistent", "errorfile 503 /")),
    *(Row(word, ANY_PROXY, "<status> <url>", _location(status), least=2,
          missing=f"{word} : expects <status_code> and <url> as arguments.", loads=(f"{word} 503 http://sorry.example/",),
          fails=(word, f"{word} 503", f"{word} 999 http://sorry.example/"))
      for word, status in (("errorloc", 302), ("errorloc302", 302), ("errorloc303", 303))),
    Row("http-error", ANY_PROXY, "status <status> [content-type <type>] { string | file | errorfile } <text or file>",
        _read_http_error,
        least=1, missing="http-error : expects at least a <status> as arguments.",
        loads=('http-error status 503 content-type "text/plain" string "sorry"', "http-error status 400"),
        fails=("http-error", "http-error 503", "http-error status 999", "http-error status 503 file /nonexistent",
               "http-error status 503 loud x",
               'http-error status 503 lf-string "%[src]"')),
    Row("errorfiles", ANY_PROXY, "<http-errors section> [<status>]...", _read_errorfiles, least=1, acts=Acts.IGNORED,
        missing="'errorfiles' expects <name> as argument.", loads=(), fails=("errorfiles",)),
)
