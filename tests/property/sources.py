"""The Python sources of compiled modules, loaded beside the machine code in one process."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest import mock

import pytest

from proxy.base.machine_code import is_machine_code

ROOT = Path(__file__).parents[2]

both_builds = pytest.mark.skipif(not is_machine_code(), reason="nothing is compiled here: there is one build only")


def from_sources(*names: str) -> SimpleNamespace:
    """Modules executed from their .py, by the last part of their names.

    They are imported in this order, and see each other in place of the machine code; nobody else sees them.
    """
    found = SimpleNamespace()
    for name in names:
        importlib.import_module(name)           # everything else is as it is before any name is taken
    with ExitStack() as stack:
        for name in names:
            file = ROOT.joinpath(*name.split(".")).with_suffix(".py")
            spec = importlib.util.spec_from_file_location(name, file)
            assert spec is not None
            assert spec.loader is not None
            module: ModuleType = importlib.util.module_from_spec(spec)
            package, _, last = name.rpartition(".")
            stack.enter_context(mock.patch.dict(sys.modules, {name: module}))
            stack.enter_context(mock.patch.object(sys.modules[package], last, module))
            spec.loader.exec_module(module)
            setattr(found, last, module)
    return found


def compiled(*names: str) -> SimpleNamespace:
    """The same modules as everybody has them."""
    return SimpleNamespace(**{name.rpartition(".")[2]: importlib.import_module(name) for name in names})
