"""Metrics as Prometheus reads them. Source: its text exposition format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


def family(name: str, kind: str, what: str, values: Iterable[tuple[dict[str, str], float]]) -> list[str]:
    """The lines of one metric: `kind` is gauge or counter, `what` its help, each value has its labels."""
    lines = [f"# HELP {name} {what}", f"# TYPE {name} {kind}"]
    for labels, value in values:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{inside}}} {value}" if inside else f"{name} {value}")
    return lines


def _escaped(text: str) -> str:
    # A name may have octets that are no UTF-8, which the format has no place for.
    return text.encode("utf-8", "backslashreplace").decode().replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
