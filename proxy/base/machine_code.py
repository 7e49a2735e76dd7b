"""Which of this package is machine code.

The modules of the data plane may be compiled (setup.py, COMPILED). PYPROXY_PURE=1 leaves compiled modules alone: the Python
sources beside them are run instead, which is what tests compare and what a debugger steps through.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)

WITNESS = "proxy.core.http1.fast"           # compiled when anything is: the build is all or nothing


def prefer_sources(package_folder: str) -> None:
    """Have every module below this folder come from its source."""
    for folder, _, _ in os.walk(package_folder):
        sys.path_importer_cache[folder] = FileFinder(
            folder, (SourceFileLoader, SOURCE_SUFFIXES), (SourcelessFileLoader, BYTECODE_SUFFIXES)
        )


def is_machine_code(module: str = WITNESS) -> bool:
    """Whether a module is, or would be, loaded from machine code."""
    spec = importlib.util.find_spec(module)
    return spec is not None and isinstance(spec.loader, ExtensionFileLoader)
