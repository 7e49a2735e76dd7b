"""The synthetic process that the statistics are tested on."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_NAME = "stats_lab"


def load_lab() -> ModuleType:
    """The module lab.py beside this file, loaded once: test modules are no package that could import it by name."""
    if _NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(_NAME, Path(__file__).with_name("lab.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[_NAME] = module
        spec.loader.exec_module(module)
    return sys.modules[_NAME]


@pytest.fixture
def lab() -> Any:
    """The builders of lab.py."""
    return load_lab()


@pytest.fixture
def process(lab: Any) -> Any:
    """The process of golden/g.cfg."""
    return lab.make_process()
