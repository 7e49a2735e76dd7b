"""Checked servers and what they do, check by check; see `check_lab`."""

from __future__ import annotations

from tests.differential.check_lab import CLOSE, HANG, RESET, Case

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
HTTPCHK = "option httpchk"
LOG = "option log-health-checks"
NO_LB = "http-check disable-on-404"
STATE = "http-check send-state"


def answer(status: int, reason: str = "X", body: bytes = b"") -> bytes:
    return f"HTTP/1.0 {status} {reason}\r\n\r\n".encode("latin-1") + body


BAD = answer(500, "Broken")
MISSING = answer(404, "Not Found")
BAD_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"
FALL_AND_RISE = (OK, BAD, BAD, BAD, OK, OK, OK)
TWO_CONNECTIONS = (
    "http-check connect", "http-check send uri /1", "http-check expect status 200",
    "http-check connect", "http-check send uri /2", "http-check expect status 200",
)


def case(
    name: str, script: tuple[bytes | str, ...], *lines: str, words: str = "", more: tuple[str, ...] = (), mode: str = "http",
) -> Case:
    return Case(name, script, lines or (HTTPCHK,), words, more, mode)


STATES = (
    case("plain", (OK, BAD, OK, BAD, BAD, BAD, BAD, OK, OK, OK)),
    case("logged", (OK, OK, BAD, OK, BAD, BAD, BAD, BAD, OK, OK, OK, OK), HTTPCHK, LOG),
    case("rise-fall", (OK, BAD, BAD, BAD, OK, OK, OK, OK), HTTPCHK, LOG, words="rise 3 fall 2"),
    case("bad-at-first", (BAD, BAD, OK, OK, OK), HTTPCHK, LOG),
    case("at-once", (OK, BAD, OK, BAD, OK), HTTPCHK, words="rise 1 fall 1"),
    case("no-lb", (OK, MISSING, MISSING, OK, MISSING, BAD, BAD, BAD, MISSING, MISSING, OK, OK, OK), HTTPCHK, NO_LB, LOG),
    case("no-lb-quiet", (OK, MISSING, MISSING, OK, MISSING, BAD, BAD, BAD, MISSING, MISSING, OK, OK, OK), HTTPCHK, NO_LB),
    case("no-lb-at-first", (MISSING, MISSING, OK, OK, MISSING), HTTPCHK, NO_LB),
    case("backup", FALL_AND_RISE, HTTPCHK, LOG, words="backup"),
    case("weight-0", FALL_AND_RISE, HTTPCHK, LOG, words="weight 0"),
    case("others", FALL_AND_RISE, HTTPCHK, more=("server s2 127.0.0.1:1 backup", "server s3 127.0.0.1:1 weight 5")),
    case("track", FALL_AND_RISE, HTTPCHK,
         more=("server s2 127.0.0.1:1 track s1", "server s3 127.0.0.1:1 track track/s2 backup")),
    case("track-no-lb", (OK, MISSING, MISSING, OK, OK), HTTPCHK, NO_LB, more=("server s2 127.0.0.1:1 track s1",)),
    case("slow-start", FALL_AND_RISE, HTTPCHK, words="slowstart 60s"),
    case("disabled-beside", (OK,), HTTPCHK, more=("server s2 127.0.0.1:1 check disabled",)),
    # One beside the other, not two: both would fall in the same millisecond, and either may then be told of first.
    case("refused-beside", (OK,), HTTPCHK, LOG, more=("server s2 127.0.0.1:1 check inter 100",)),
    case("refused-backup-beside", (OK,), HTTPCHK, LOG, more=("server s2 127.0.0.1:1 check inter 100 backup",)),
    case("tcp-mode", (OK, BAD, OK), mode="tcp"),
    case("on-marked", FALL_AND_RISE, HTTPCHK, words="on-marked-down shutdown-sessions on-marked-up shutdown-backup-sessions"),
)
ANSWERS = (
    case("status", (OK, answer(201), answer(302), OK), HTTPCHK, "http-check expect status 200-201", LOG),
    case("not-status", (OK, BAD, OK, OK), HTTPCHK, "http-check expect ! status 500,502-504", LOG),
    case("rstatus", (OK, answer(302), BAD, OK), HTTPCHK, "http-check expect rstatus ^[23]", LOG),
    case("string", (OK, answer(200, body=b"help"), OK), HTTPCHK, "http-check expect string hello", LOG),
    case("not-string", (OK, answer(200, body=b"help"), OK), HTTPCHK, "http-check expect ! string hello", LOG),
    case("rstring", (OK, answer(200, body=b"help"), answer(200)), HTTPCHK, "http-check expect rstring ^hel+o$", LOG),
    case("texts", (OK, BAD, answer(200, body=b"x"), OK), HTTPCHK,
         'http-check expect comment "a b" error-status L7RSP on-error "no no" on-success "fine" status 200', LOG),
    case("ok-status", (OK, BAD, OK), HTTPCHK, "http-check expect ok-status L7OKC min-recv 5 string hello", LOG),
    case("ok-status-4", (OK, BAD, OK), HTTPCHK, "http-check expect ok-status L4OK string hello", LOG),
    case("timeout-status", (OK, HANG, OK), HTTPCHK, "http-check expect tout-status L6TOUT string hello", "timeout check 1s", LOG),
    case("timeout", (OK, HANG, OK), HTTPCHK, "timeout check 1s", LOG),
    case("timeout-of-inter", (OK, HANG, OK), HTTPCHK, LOG, words="inter 800"),
    case("closed", (OK, CLOSE, b"HTTP/1.0 200", OK), HTTPCHK, LOG),
    case("reset", (OK, RESET, OK), HTTPCHK, LOG),
    case("garbage", (OK, b"hello\r\n\r\n", b"HTTP/1.1 20x\r\n\r\n", BAD_LENGTH, b"SSH-2.0-x\r\n", OK), HTTPCHK, LOG),
    case("reason", (OK, answer(500, "R" * 200), answer(500, 'A "b" \\ \xe9'), answer(500, ""), OK), HTTPCHK, LOG),
)
REQUESTS = (
    case("head", (OK,), "option httpchk HEAD /"),
    case("uri", (OK,), "option httpchk /alive?a=1"),
    case("http-1-1", (OK,), "option httpchk GET /x HTTP/1.1"),
    case("hidden-fields", (OK,), r"option httpchk GET /x HTTP/1.1\r\nHost:\ www\r\nX-A:\ b"),
    case("send", (OK,), HTTPCHK, "http-check send meth POST uri /p?q ver HTTP/1.1 hdr Host a.b hdr X-Y 'c d' body hello"),
    case("send-1-0", (OK,), HTTPCHK, "http-check send uri /p hdr Host a.b"),
    case("send-and-httpchk", (OK,), "option httpchk PUT /u HTTP/1.1", "http-check send hdr host z body 12345"),
    case("two-connections", (OK, OK, OK, BAD, OK), HTTPCHK, *TWO_CONNECTIONS, LOG),
    case("check-send-proxy", (OK,), words="check-send-proxy"),
    case("send-proxy", (OK,), words="send-proxy"),
    case("connect-send-proxy", (OK,), HTTPCHK, "http-check connect send-proxy", "http-check send uri /1"),
    case("state", FALL_AND_RISE, HTTPCHK, STATE, words="weight 3",
         more=("server s2 127.0.0.1:1 weight 5", "server s3 127.0.0.1:1 backup weight 7")),
    case("state-backup", (OK, OK, BAD, BAD, OK, OK, OK), HTTPCHK, STATE,
         "http-check send meth POST uri /x ver HTTP/1.1 hdr host a hdr x-b c body hello", words="backup weight 3 rise 3 fall 2",
         more=("server s2 127.0.0.1:1 weight 5", "server s3 127.0.0.1:1 backup weight 7")),
    case("state-no-lb", (OK, OK, MISSING, MISSING, MISSING, OK, BAD, BAD, BAD, MISSING, OK), HTTPCHK, STATE, NO_LB),
    case("state-twice", (OK, OK, OK), HTTPCHK, STATE, *TWO_CONNECTIONS),
    case("state-weight-0", (OK, OK), HTTPCHK, STATE, words="weight 0"),
    case("state-slow", FALL_AND_RISE, HTTPCHK, STATE, words="weight 256 slowstart 60s", more=("server s2 127.0.0.1:1 weight 1",)),
)
CASES = [*STATES, *ANSWERS, *REQUESTS]
PROXY_WORDS = (
    "send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn send-proxy", "send-proxy-v2 proxy-v2-options crc32c",
    "send-proxy-v2-ssl proxy-v2-options crc32c,unique-id,authority", "send-proxy-v2 proxy-v2-options cert-cn",
)
PROXY_HEADERS = [
    *(case(f"check-{words.replace(' ', '-').replace(',', '-')}", (OK,), words=words) for words in PROXY_WORDS),
    *(case(f"connect{way.replace(' ', '-')}-v2", (OK,), HTTPCHK, f"http-check connect{way}", "http-check send uri /1",
           words="send-proxy-v2-ssl") for way in ("", " send-proxy", " default")),
]
