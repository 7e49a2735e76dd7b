"""The page's live updates: the slots of every row as compact JSON, `;json;compact`.

    {"t": milliseconds, "info": [texts], "rows": [[id, class, requests, errors, [texts]], …]}

Ids, classes and the order of texts are those of the page's HTML.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from proxy.stats.page.columns import layout_of, row_class, row_id, trend
from proxy.stats.page.page import PageRequest, info_texts
from proxy.stats.snapshot import Row, batches


def live_row(row: Row, modules: bool) -> str:
    """One row: what names it, its class, the counters of its curves and its texts."""
    texts = [slot(row) for slot in layout_of(row, modules).slots]
    count, errors = trend(row)
    return json.dumps([row_id(row), row_class(row), count, errors, texts], separators=(",", ":"), ensure_ascii=False)


def live_chunks(page: PageRequest) -> Iterator[bytes]:
    """The whole document, some rows at a time."""
    head = json.dumps(info_texts(page), separators=(",", ":"), ensure_ascii=False)
    yield f'{{"t":{page.now_ms},"info":{head},"rows":['.encode("utf-8", "replace")
    comma = ""
    for rows in batches(page.process, page.now_ms, page.selection):
        yield (comma + ",".join(live_row(row, page.settings.show_modules) for row in rows)).encode("utf-8", "replace")
        comma = ","
    yield b"]}"
