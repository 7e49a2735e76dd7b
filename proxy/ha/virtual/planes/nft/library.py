"""Transactions to the kernel: libnftables by ctypes (0.3 ms each), or the program nft (16 ms) where the library is not there."""

from __future__ import annotations

import ctypes
import ctypes.util
import shutil
import subprocess
from typing import Protocol

from proxy.base.errors import PyproxyError

PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
LIBRARY = "libnftables.so.1"
PATIENCE_S = 10.0


class NftError(PyproxyError):
    """The kernel, or nft, has refused a transaction; nothing of it has happened."""


class Nft(Protocol):
    """Whoever takes transactions."""

    name: str

    def run(self, text: str) -> None:
        """Carry out a transaction, wholly or not at all.

        Raises: NftError.
        """

    def close(self) -> None:
        """Give everything back."""


class LibNftables:
    """The library, in this process."""

    name = "libnftables"

    def __init__(self, library: str = LIBRARY) -> None:
        self._library = ctypes.CDLL(library)
        self._library.nft_ctx_new.restype = ctypes.c_void_p
        self._library.nft_ctx_new.argtypes = [ctypes.c_uint32]
        self._library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        for name in ("nft_ctx_free", "nft_ctx_buffer_error", "nft_ctx_buffer_output", "nft_ctx_get_error_buffer"):
            getattr(self._library, name).argtypes = [ctypes.c_void_p]
        self._library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self._context: int | None = self._library.nft_ctx_new(0)
        if not self._context:
            raise OSError("libnftables gives no context")
        self._library.nft_ctx_buffer_error(self._context)
        self._library.nft_ctx_buffer_output(self._context)

    def run(self, text: str) -> None:
        if self._library.nft_run_cmd_from_buffer(self._context, text.encode("utf-8", "surrogateescape")):
            said: bytes = self._library.nft_ctx_get_error_buffer(self._context) or b""
            raise NftError(first_line(said))

    def close(self) -> None:
        if self._context:
            self._library.nft_ctx_free(self._context)
            self._context = None


class NftProgram:
    """The program, once for each transaction."""

    def __init__(self, path: str) -> None:
        self.name = path

    def run(self, text: str) -> None:
        try:
            done = subprocess.run([self.name, "-f", "-"], input=text.encode("utf-8", "surrogateescape"), capture_output=True,
                                  check=False, timeout=PATIENCE_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NftError(f"{self.name}: {error}") from None
        if done.returncode:
            raise NftError(first_line(done.stderr))

    def close(self) -> None:
        pass


def first_line(said: bytes) -> str:
    """What is wrong, without where in a text that nobody has seen."""
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[0].partition("Error: ")[2] or lines[0] if lines else "refused without a reason"


def open_nft() -> Nft | None:
    """The library, else the program, else None."""
    try:
        return LibNftables()
    except (OSError, AttributeError):           # not installed, or not the library we know
        pass
    program = shutil.which("nft", path=PATH)
    return NftProgram(program) if program is not None else None
