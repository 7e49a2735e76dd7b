"""Configurations and what they come to: the model, or the words a user is shown. PYPROXY_UPDATE_GOLDEN=1 writes what is found."""

from __future__ import annotations

import os
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import pytest

from proxy.base.addresses import Address
from proxy.base.errors import ConfigError, Where
from proxy.config.load import load
from proxy.config.model import Configuration
from proxy.config.rendering import render
from proxy.config.source import Source

ELSEWHERE = ("kind", "name", "binds", "servers", "check_rules")
CASES = Path(__file__).parent / "cases"


def shown(value: Any) -> str:
    """A value of the model on one line, without what is as by default and without places."""
    if isinstance(value, Address):
        return f"{value.family.value}:{value}" + ("(offset)" if value.port_offset else "")
    if hasattr(value, "__match_args__"):
        return f"{type(value).__name__}({', '.join(f'{name}={text}' for name, text in settings(value))})"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(shown(item) for item in value)}]"
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(shown, value)))}}}"
    return repr(value)


def settings(value: Any) -> list[tuple[str, str]]:
    found = []
    for field in signature(type(value)).parameters.values():
        inner = getattr(value, field.name)
        default = None if field.default is Parameter.empty else field.default
        if not isinstance(inner, Where) and inner != default:
            found.append((field.name, shown(inner)))
    return found


def described(configuration: Configuration) -> str:
    lines = ["global"]
    lines += [f"    {name} = {text}" for name, text in settings(configuration.global_)]
    for proxy in configuration.proxies:
        lines.append(f"{proxy.kind} {proxy.name}")
        for name in proxy.__match_args__:
            if name in ("binds", "servers", "check_rules"):
                lines += [f"    {shown(item)}" for item in getattr(proxy, name)]
        lines += [f"    {name} = {text}" for name, text in settings(proxy) if name not in ELSEWHERE]
    lines += [shown(section) for section in configuration.resolvers]
    lines += [f"kept {section.kind} {section.name}: {section.lines}" for section in configuration.kept]
    return "".join(f"{line}\n" for line in lines)


def outcome(name: str) -> str:
    source = Source(name, (CASES / name).read_text())
    try:
        configuration = load(text=source.text, name=name, environment={})
    except ConfigError as error:
        return render(error.diagnostics, [source], 1)
    return described(configuration) + "\n" + render(configuration.diagnostics, [source], 1)


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.glob("*.cfg")))
def test_a_configuration_comes_to_what_it_should(name: str) -> None:
    golden = (CASES / name).with_suffix(".golden")
    found = outcome(name)
    if os.environ.get("PYPROXY_UPDATE_GOLDEN") == "1":
        golden.write_text(found)
    assert found == golden.read_text()
