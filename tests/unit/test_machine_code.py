"""The compiled modules: any of them may be the first that is imported, and the sources can be asked for instead."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.base.machine_code import is_machine_code

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
