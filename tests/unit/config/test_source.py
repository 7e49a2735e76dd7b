"""Files and directories: order, names, and what cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.base.errors import Severity
from proxy.config import source
from proxy.config.diagnostics import Diagnostics
from proxy.config.source import Source, source_from_octets, sources_from_paths


def test_a_directory_gives_its_cfg_files_in_c_order(tmp_path: Path) -> None:
    for name in ("b.cfg", "a.cfg", "B.cfg", "10.cfg", "9.cfg", ".hidden.cfg", "x.conf", "y.cfg~", "\u00e9.cfg"):
        (tmp_path / name).write_text("global\n")
    (tmp_path / "dir.cfg").mkdir()
    diagnostics = Diagnostics()
    names = [os.path.basename(s.name) for s in sources_from_paths([str(tmp_path)], diagnostics)]
    assert names == ["10.cfg", "9.cfg", "B.cfg", "a.cfg", "b.cfg", "\u00e9.cfg"]
    assert not diagnostics.items


def test_paths_keep_their_order_and_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    for name in ("z.conf", "d/a.cfg", "b.cfg"):
        (tmp_path / name).write_text(f"# {name}\n")
    sources = sources_from_paths(["z.conf", "d", "b.cfg"], Diagnostics())
    assert [(s.name, s.text) for s in sources] == [(n, f"# {n}\n") for n in ("z.conf", "d/a.cfg", "b.cfg")]


def test_a_link_to_nothing_is_an_alert(tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text("global\n")
    (tmp_path / "b.cfg").symlink_to(tmp_path / "gone.cfg")
    (tmp_path / "c.cfg").mkdir()
    diagnostics = Diagnostics()
    assert len(sources_from_paths([str(tmp_path)], diagnostics)) == 1
    assert [item.message for item in diagnostics] == [
        f"Cannot open configuration file/directory {tmp_path}/b.cfg : No such file or directory",
    ]


def test_a_directory_without_files_is_worth_a_warning(tmp_path: Path) -> None:
    diagnostics = Diagnostics()
    assert sources_from_paths([str(tmp_path)], diagnostics) == []
    assert diagnostics.has_warnings
    assert not diagnostics.has_errors


def test_what_is_not_there_is_an_alert_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text("global\n")
    diagnostics = Diagnostics()
    missing = str(tmp_path / "no.cfg")
    assert len(sources_from_paths([missing, str(tmp_path / "a.cfg")], diagnostics)) == 1
    (alert,) = diagnostics.items
    assert alert.message == f"Cannot open configuration file/directory {missing} : No such file or directory"
    assert alert.hint
    assert not alert.parsing


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (PermissionError(13, "Permission denied"), "let this user read it, or run as one who may"),
        (OSError(5, "Input/output error"), ""),
    ],
)
def test_what_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, hint: str) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(os, "listdir", refuse)
    diagnostics = Diagnostics()
    assert sources_from_paths([str(tmp_path), str(tmp_path / "x.cfg")], diagnostics) == []
    directory, file = diagnostics.items
    assert directory.message == f"Cannot open configuration directory {tmp_path} : {error.strerror}"
    assert file.message == f"Could not open configuration file {tmp_path / 'x.cfg'} : {error.strerror}"
    assert directory.hint == file.hint == hint


def test_a_file_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_OCTETS", 1000)
    diagnostics = Diagnostics()
    assert sources_from_paths(["/dev/zero"], diagnostics) == []
    assert "longer than 1000 octets" in diagnostics.items[0].message


def test_a_fine_file_needs_no_word() -> None:
    diagnostics = Diagnostics()
    for octets in (b"", b"\n", "global # \u4e2d\n".encode(), b"a \xff\n"):
        source_from_octets("t", octets, diagnostics)
    assert not diagnostics.items


def test_dos_line_ends_a_missing_line_feed_and_a_byte_order_mark_are_warned_of_once() -> None:
    diagnostics = Diagnostics()
    read = source_from_octets("t", b"\xef\xbb\xbfglobal\n a\r\n b\r\n c\xc3\xa9", diagnostics)
    assert read.text == "global\n a\r\n b\r\n c\u00e9"
    assert [item.severity for item in diagnostics] == [Severity.WARNING] * 3
    bom, ends, missing = diagnostics.items
    assert "byte order mark" in bom.message
    assert (ends.message, ends.where.line) == ("lines end in CR LF.", 2)
    assert missing.message == "parsing [t:4]: Missing LF on last line, file might have been truncated at position 5."


def test_lines_are_found_by_number() -> None:
    text = Source("t", "a\x0b\x85b\u2028\n\nc\n")
    assert [text.line(n) for n in (-1, 0, 1, 2, 3, 4, 5)] == ["", "", "a\x0b\x85b\u2028", "", "c", "", ""]
