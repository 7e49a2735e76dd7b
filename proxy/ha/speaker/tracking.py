"""Everything that is tracked: made once each, whoever tracks it; values by kind and name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from proxy.ha.conf.model import Configuration, TrackFile, TrackProcess, TrackProxy, VrrpScript
from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.speaker.interfaces import Interfaces
from proxy.ha.speaker.spawn import Programs
from proxy.ha.speaker.trackers.file import FileTracker
from proxy.ha.speaker.trackers.process import ProcessTable, ProcessTracker
from proxy.ha.speaker.trackers.proxy import ProxyTracker
from proxy.ha.speaker.trackers.script import ScriptTracker
from proxy.ha.speaker.trackers.tracker import Report, Tracker
from proxy.ha.vrrp.priority import Effect, Watch, effect_of, effect_of_number

Key = tuple[str, str]
Settings = VrrpScript | TrackProcess | TrackFile | TrackProxy


@dataclass(slots=True)
class _Kept:
    """A tracker and what it was made from."""

    settings: Settings
    tracker: Tracker


class Trackers:
    """The trackers that somebody wants; `on_change` is called when one has something new to say."""

    def __init__(self, loop: Loop, log: Log, programs: Programs, interfaces: Interfaces,
                 on_change: Callable[[Key], None]) -> None:
        self._loop, self._log, self._programs, self._interfaces = loop, log, programs, interfaces
        self._on_change = on_change
        self._processes = ProcessTable(loop, log)
        self._kept: dict[Key, _Kept] = {}

    def want(self, configuration: Configuration, watches: Iterable[Watch]) -> None:
        """Track these and no others. A tracker whose settings have not changed goes on with what it knows."""
        settings = tracked_settings(configuration)
        wanted = {(watch.kind, watch.name) for watch in watches if watch.kind != "interface"}
        for key in [key for key, kept in self._kept.items() if key not in wanted or settings.get(key) != kept.settings]:
            self._kept.pop(key).tracker.stop()
        for key in sorted(wanted - self._kept.keys()):
            if key in settings:
                kept = _Kept(settings[key], self._make(settings[key], self._reporter(key)))
                self._kept[key] = kept
                kept.tracker.start()

    def stop(self) -> None:
        """Track nothing more."""
        for kept in self._kept.values():
            kept.tracker.stop()
        self._kept.clear()

    def pending(self, watches: Iterable[Watch]) -> list[str]:
        """What has no state yet and could be a fault: until it is known the instance waits."""
        return [str(watch) for watch in watches if watch.weight == 0 and watch.kind != "interface"
                and (kept := self._kept.get((watch.kind, watch.name))) is not None and kept.tracker.value is None]

    def effects(self, watches: Iterable[Watch]) -> tuple[Effect, ...]:
        """What the watched things do to the priority now; what is not known does nothing."""
        return tuple(self._effect(watch) for watch in watches)

    def _effect(self, watch: Watch) -> Effect:
        if watch.kind == "interface":
            return effect_of(watch, self._interfaces.up(watch.name))
        kept = self._kept.get((watch.kind, watch.name))
        value = kept.tracker.value if kept is not None else None
        if value is None:
            return Effect(watch)
        return effect_of_number(watch, int(value)) if watch.kind == "file" else effect_of(watch, bool(value))

    def _reporter(self, key: Key) -> Report:
        return lambda value, why: self._on_change(key)

    def _make(self, settings: Settings, report: Report) -> Tracker:
        match settings:
            case VrrpScript():
                return ScriptTracker(self._loop, self._log, self._programs, settings, report)
            case TrackFile():
                return FileTracker(self._loop, self._log, settings, report)
            case TrackProcess():
                return ProcessTracker(self._loop, self._processes, settings, report)
            case TrackProxy():
                return ProxyTracker(self._loop, self._log, settings, report)


def tracked_settings(configuration: Configuration) -> dict[Key, Settings]:
    """Everything that can be tracked, by kind and name; the first of a name counts."""
    found: dict[Key, Settings] = {}
    for script in configuration.scripts:
        if script.script is not None:
            found.setdefault(("script", script.name), script)
    for process in configuration.track_processes:
        found.setdefault(("process", process.name), process)
    for file in configuration.track_files:
        found.setdefault(("file", file.name), file)
    owners = [each.tracking for each in configuration.instances] + [each.tracking for each in configuration.sync_groups]
    for proxy in (proxy for tracking in owners for proxy in tracking.proxies):
        found.setdefault(("proxy", f"{proxy.socket} {proxy.backend}"), proxy)
    return found


def default_weights(settings: dict[Key, Settings]) -> dict[Key, tuple[int, bool]]:
    """The weights that the tracked things bring themselves."""
    return {key: (each.weight, getattr(each, "reverse", False)) for key, each in settings.items()}
