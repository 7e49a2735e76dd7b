"""The compiled modules: any of them may be the first that is imported, and the sources can be asked for instead."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.base.machine_code import is_machine_code
from proxy.core.cookie_scan import scan
from proxy.core.http1.fast import end_of_head, read_plain_request, read_plain_response
from proxy.core.http1.head import Head, RequestHead, request_line
from proxy.core.http1.limits import DEFAULT_LIMITS
from proxy.core.http1.reader import read_request
from proxy.runtime import cells

ROOT = Path(__file__).parents[2]


def compiled_modules() -> tuple[str, ...]:
    """The list in setup.py."""
    for statement in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "COMPILED":
            return tuple(ast.literal_eval(statement.value))
    raise AssertionError("setup.py lists no compiled modules")


MODULES = compiled_modules()


def python(code: str, **environment: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if name != "PYPROXY_PURE"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
                          env=inherited | environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("module", MODULES)
def test_any_module_may_be_the_first(module: str) -> None:
    """Types that know each other make circles of imports, which machine code closes sooner than Python does."""
    assert python(f"import {module}; print({module}.__name__)") == module


def test_all_are_compiled_or_none() -> None:
    assert {is_machine_code(module) for module in MODULES} in ({True}, {False})


def test_each_has_what_it_is_made_of() -> None:
    for module in MODULES:
        stem = ROOT.joinpath(*module.split("."))
        assert stem.with_suffix(".py").is_file(), module
        assert stem.with_suffix(".pxd").is_file(), module


def test_the_sources_can_be_asked_for() -> None:
    code = f"import importlib\nprint({{importlib.import_module(m).__file__.rpartition('.')[2] for m in {MODULES!r}}})"
    assert python(code, PYPROXY_PURE="1") == "{'py'}"


def with_fields(fields: list[Any]) -> Head:
    head = RequestHead()
    head.fields = fields
    return head


def with_spans() -> Head:
    """A head whose fields lie where they were read."""
    head = read_request(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-A: 2\r\n\r\n", 0, DEFAULT_LIMITS)
    assert head is not None
    return head


def appended(value: Any) -> Head:
    head = with_spans()
    head.append(b"x-b", value)
    return head


Nothing: Any = None
WRONG: dict[str, Callable[[], object]] = {
    "no name to get": lambda: with_spans().get(Nothing),
    "no name to list": lambda: with_spans().values_of(Nothing),
    "no name to replace": lambda: with_spans().replace_values(Nothing, []),
    "fewer values than there were": lambda: with_spans().replace_values(b"x-a", [b"3"]),
    "fewer values in a list": lambda: with_fields([(b"x-a", b"1"), (b"x-a", b"2")]).replace_values(b"x-a", [b"3"]),
    "no value": lambda: appended(None).written(b"GET / HTTP/1.1\r\n", b""),
    "text for a value": lambda: appended("b").written(b"GET / HTTP/1.1\r\n", b""),
    "half a pair": lambda: with_fields([(b"x-a",)]).written(b"GET / HTTP/1.1\r\n", b""),
    "half a pair to get": lambda: with_fields([(b"x-a",)]).get(b"x-a"),
    "half a pair to list": lambda: with_fields([()]).values_of(b"x-a"),
    "no pair": lambda: with_fields([None]).written(b"GET / HTTP/1.1\r\n", b""),
    "a list for a pair": lambda: with_fields([[b"x-a", b"1"]]).written(b"GET / HTTP/1.1\r\n", b""),
    "no start line": lambda: with_spans().written(Nothing, b""),
    "no tail": lambda: with_spans().written(b"GET / HTTP/1.1\r\n", Nothing),
    "no method": lambda: request_line(Nothing, b"/", 1),
    "no target": lambda: request_line(b"GET", Nothing, 1),
    "no octets to end": lambda: end_of_head(Nothing, 0, 10),
    "no request": lambda: read_plain_request(Nothing, 0, 0, DEFAULT_LIMITS),
    "no response": lambda: read_plain_response(Nothing, 0, 0, DEFAULT_LIMITS, b"GET"),
    "behind the end": lambda: read_plain_request(b"GET / HTTP/1.1\r\n\r\n", 0, 19, DEFAULT_LIMITS),
    "before the start": lambda: read_plain_response(b"HTTP/1.1 200 OK\r\n\r\n", -1, 17, DEFAULT_LIMITS, b"GET"),
    "no cookies": lambda: scan(Nothing, b"a"),
    "no cookie's name": lambda: scan(b"a=1", Nothing),
}


@pytest.mark.skipif(not is_machine_code(), reason="nothing is compiled here")
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_not_octets_is_an_error_and_no_memory_is_read(wrong: str) -> None:
    with pytest.raises((TypeError, ValueError, IndexError)):
        WRONG[wrong]()


# Where an index of a row, which is a pointer when compiled, is no constant of runtime.cells: what was looked at, one by one.
LOOKED_AT = {
    ("averages", "sum_cell"): "all callers give a constant",
    ("averages", "max_cell"): "all callers give a constant",
    ("accounting", "response_cell(status)"): "HRSP_1XX to HRSP_5XX, which lie side by side, or HRSP_OTHER",
    ("http_end", "cell"): "what response_cell gives",
    ("counted", "at"): "0 <= at < span",
    ("counted", "gauge"): "all callers give a constant",
    ("counted", "peak"): "all callers give a constant",
    ("pool", "SAFE_CUR if connection.is_safe else IDLE_CUR"): "two constants",
    **{("rates", index): "a rate has three cells" for index in ("at", "at + 1", "at + 2", "rate_max")},
    **{("rates", index): "there < span, and a rate has three cells" for index in ("there", "there + 1", "there + 2")},
    ("service_stream", "why.front_cell"): "a constant of each Failure",
    ("server_connection", "how"): "CONNECT or REUSE",
    ("stream", "why.front_cell"): "a constant of each Failure",
    ("stream", "cell"): "a constant of each Failure",
}


def test_rows_are_indexed_by_the_cells_they_have() -> None:
    unknown = []
    for module in MODULES:
        source = ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Subscript):
                row, index = ast.unparse(node.value).rpartition(".")[2], ast.unparse(node.slice)
                if row in ("row", "cells", "beside") and not 0 <= getattr(cells, index, -1) < cells.CELLS \
                        and (module.rpartition(".")[2], index) not in LOOKED_AT:
                    unknown.append(f"{module}:{node.lineno}: {ast.unparse(node)}")
    assert not unknown
