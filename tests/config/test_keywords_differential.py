"""The examples of the keyword table, put to the real HAProxy: what it accepts and refuses is accepted and refused here.

Differences are named, each with its reason. Keywords that are ignored, old or not supported here are not compared: their values
are not examined.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from proxy.base.errors import ConfigError
from proxy.config.keywords import GLOBAL_KEYWORDS, PROXY_KEYWORDS, RESOLVERS_KEYWORDS
from proxy.config.keywords.bind import WORDS as BIND_WORDS
from proxy.config.keywords.examples import with_words, wrapped
from proxy.config.keywords.row import Acts
from proxy.config.keywords.server import WORDS as SERVER_WORDS
from proxy.config.load import load
from proxy.config.load_options import LoadOptions

A_NUMBER = "HAProxy reads what is not a number as 0 without a word"
EXTRA = "HAProxy overlooks words too many here"
MISSING = "HAProxy overlooks that the value is missing"
UNSUPPORTED = "not supported in this form; the alert names the feature"
OLDER = "HAProxy 2.6 does not have it, or not any more"
SAFER = "HAProxy accepts what cannot work"

DIFFERENCES: dict[str, str] = {
    "hash-type consistent wt6": "defined nowhere but in HAProxy's source: not offered, and nothing else is taken for it",
    **dict.fromkeys((
        "uid nobody", "gid nogroup", "maxconn many", "ulimit-n many", "spread-checks wide",
        "mworker-max-reloads few", "tune.maxrewrite many", "tune.http.logurilen many", "fullconn many", "backlog deep",
        "retries often",
        "hash-balance-factor half", "option redispatch often", "capture cookie SESSION len long",
        "capture request header Host len long",
        "capture response header Host len long", "unix-bind mode rwx", "bind gid root", "bind uid root", "bind backlog deep",
        "bind maxconn many", "server max-reuse many", "server maxconn many", "server maxqueue many", "server minconn many",
        "server pool-low-conn few", "server port http", "server weight heavy", "resolve_retries many",
    ), A_NUMBER),
    **dict.fromkeys(("parse-resolv-conf now", "log-send-hostname a b", "option redispatch 1 2", "option httpslog x",
                     "log-tag a b"), EXTRA),
    **dict.fromkeys((
        "mworker-max-reloads", "unix-bind", "server init-addr", "server maxconn", "server maxqueue", "server minconn",
        "server weight", "server resolve-opts",
    ), MISSING),
    **dict.fromkeys((
        "use_backend %[req.hdr(host)]", "source 192.0.2.1 usesrc clientip",
        "balance rdp-cookie", "hash-type consistent wt6",
        "cookie SRV insert dynamic", "option http-restrict-req-hdr-names reject", "stats admin unless LOCALHOST",
        "http-request deny", "http-response deny",
        "http-request set-header X-A %[src]", "http-request del-header X-A -m beg", "http-request set-header TE a",
        "http-response add-header Connection close",
        "http-request use-service prometheus-exporter if { path_beg /m }", "bind proto h2",
        "nameserver ns1 tcp@192.0.2.53:53",
    ), UNSUPPORTED),
    "mode health": OLDER,
    **dict.fromkeys(('unique-id-header "a b"', "server port 70000", "resolve_retries 0", "accepted_payload_size 100"), SAFER),
}


def zero_warning_refuses(text: str) -> bool:
    """Whether -dW makes the difference."""
    load(text=text)
    try:
        load(text=text, options=LoadOptions(zero_warning=True))
    except ConfigError:
        return True
    return False


def cases() -> list[tuple[str, str, bool]]:
    """(name, configuration, whether it loads here)."""
    rows: tuple[Any, ...] = (*GLOBAL_KEYWORDS, *PROXY_KEYWORDS, *RESOLVERS_KEYWORDS)
    found = [(lines, wrapped(row, lines), good) for row in rows if row.acts is Acts.YES
             for good, examples in ((True, row.loads), (False, row.fails)) for lines in examples]
    for kind, words in (("bind", BIND_WORDS), ("server", SERVER_WORDS)):
        found += [(f"{kind} {line}", with_words(kind, line), good) for word in words if word.acts is Acts.YES
                  for good, examples in ((True, word.loads), (False, word.fails)) for line in examples]
    return found


@pytest.mark.peer("haproxy")
def test_haproxy_gives_the_same_verdicts(peer: Callable[[str], str], tmp_path: Path) -> None:
    haproxy = peer("haproxy")

    def accepts(numbered: tuple[int, tuple[str, str, bool]]) -> bool:
        number, (_, text, _) = numbered
        path = tmp_path / f"{number}.cfg"
        path.write_text(text)
        return subprocess.run([haproxy, "-c", "-f", str(path)], capture_output=True, check=False).returncode != 1

    every = cases()
    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(accepts, enumerate(every)))
    different = {name for (name, _, good), verdict in zip(every, verdicts, strict=True) if good != verdict}
    assert sorted(different - set(DIFFERENCES)) == [], "a difference without a reason"
    assert sorted(set(DIFFERENCES) - different) == [], "a reason without a difference"


@pytest.mark.peer("haproxy")
def test_what_haproxy_takes_without_a_warning_is_not_fatal_with_zero_warning(peer: Callable[[str], str], tmp_path: Path) -> None:
    """Programs are started with -dW in HAProxy's place: a warning of our own must not keep them from starting."""
    haproxy = peer("haproxy")
    rows: tuple[Any, ...] = (*GLOBAL_KEYWORDS, *PROXY_KEYWORDS, *RESOLVERS_KEYWORDS)
    texts = {lines: wrapped(row, lines) for row in rows for lines in row.loads}
    for kind, words in (("bind", BIND_WORDS), ("server", SERVER_WORDS)):
        texts |= {f"{kind} {line}": with_words(kind, line) for word in words for line in word.loads}

    def is_silent(numbered: tuple[int, str]) -> bool:
        path = tmp_path / f"{numbered[0]}.cfg"
        path.write_text(numbered[1])
        done = subprocess.run([haproxy, "-c", "-f", str(path)], capture_output=True, check=False)
        return done.returncode != 1 and b"Warnings were found" not in done.stdout

    with ThreadPoolExecutor(8) as pool:
        silent = dict(zip(texts, pool.map(is_silent, enumerate(texts.values())), strict=True))
    assert len(silent) > 400
    wrong = [lines for lines, text in texts.items() if silent[lines] and zero_warning_refuses(text)]
    assert wrong == []
