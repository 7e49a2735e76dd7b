"""What a table is to have, and the text of the one transaction that brings the kernel's table there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Inventory:
    """The names of what a table has in the kernel."""

    chains: set[str] = field(default_factory=set)
    maps: set[str] = field(default_factory=set)
    counters: set[str] = field(default_factory=set)


@dataclass
class Ruleset:
    """One table. `hooks` are the base chains' first lines, `maps` their specifications; maps keep their elements for ever."""

    family: str
    name: str
    counters: list[str] = field(default_factory=list)
    maps: dict[str, str] = field(default_factory=dict)
    chains: dict[str, list[str]] = field(default_factory=dict)
    hooks: dict[str, str] = field(default_factory=dict)

    def chain(self, name: str, rules: Iterable[str], hook: str = "") -> None:
        """Add a chain."""
        self.chains[name] = list(rules)
        if hook:
            self.hooks[name] = hook

    @property
    def table(self) -> str:
        """Family and name."""
        return f"{self.family} {self.name}"

    def transaction(self, there: Inventory) -> str:
        """From what is there to this, at once: rules are replaced, elements and counts stay, what is not wanted goes."""
        table = self.table
        lines = [f"add table {table}"]
        lines += [f'add counter {table} {name}' for name in self.counters if name not in there.counters]
        lines += [f"add map {table} {name} {{ {spec} }}" for name, spec in self.maps.items() if name not in there.maps]
        lines += [f"add chain {table} {name}" + (f" {{ {self.hooks[name]} }}" if name in self.hooks else "")
                  for name in self.chains if name not in there.chains]
        lines.append(f"flush table {table}")
        for name, rules in self.chains.items():
            lines += [f"add rule {table} {name} {rule}" for rule in rules]
        # A chain that is not there any more cannot be deleted, and the kernel takes those of lost devices away by itself.
        for name in sorted(there.chains - self.chains.keys()):
            lines += [f"add chain {table} {name}", f"delete chain {table} {name}"]
        lines += [f"delete map {table} {name}" for name in sorted(there.maps - self.maps.keys())]
        lines += [f"delete counter {table} {name}" for name in sorted(there.counters - set(self.counters))]
        return "\n".join(lines) + "\n"

    def replacement(self, chains: Mapping[str, Iterable[str]]) -> str:
        """Only these chains' rules, the rest as it is."""
        lines: list[str] = []
        for name, rules in chains.items():
            lines.append(f"flush chain {self.table} {name}")
            lines += [f"add rule {self.table} {name} {rule}" for rule in rules]
        return "\n".join(lines) + "\n"

    def inventory(self) -> Inventory:
        """What there is once the transaction has happened."""
        return Inventory(set(self.chains), set(self.maps), set(self.counters))


def removal(table: str) -> str:
    """The text that takes a table away, whether it is there or not."""
    return f"add table {table}\ndelete table {table}\n"
