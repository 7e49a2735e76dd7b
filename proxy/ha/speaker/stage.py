"""All instances and groups of a configuration: started, reloaded, stopped, in step with the kernel and what is tracked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from proxy.base.errors import StartError
from proxy.ha.conf.model import Configuration, Instance, SyncGroup
from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.net.adverts import Received
from proxy.ha.net.announce import Announcer, PacketSocket
from proxy.ha.net.links import Link
from proxy.ha.net.netlink import Netlink
from proxy.ha.speaker.firewall import Firewall
from proxy.ha.speaker.holdings import Belongings, Holdings
from proxy.ha.speaker.interfaces import Changed, Interfaces
from proxy.ha.speaker.member import SAY_AGAIN_S, Counters, Member, Surroundings, shown
from proxy.ha.speaker.notices import Notices
from proxy.ha.speaker.settings import accepts, watches_of
from proxy.ha.speaker.sockets import SharedSockets
from proxy.ha.speaker.spawn import Programs
from proxy.ha.speaker.tracking import Key, Trackers, default_weights, tracked_settings
from proxy.ha.vrrp.actions import Action, State
from proxy.ha.vrrp.group import Step
from proxy.ha.vrrp.group import SyncGroup as Group
from proxy.ha.vrrp.priority import Watch

RESTORE_ROUTES_AFTER_S = 0.1
PATIENCE_WITH_SCRIPTS_S = 2.0
EXIT_MISSING_INTERFACE = 2


class Stage:
    """The VRRP side of a configuration, alive.

    Raises: StartError when an interface is missing and `dynamic_interfaces` is not set, or when the kernel does not let us.
    """

    def __init__(self, loop: Loop, log: Log, configuration: Configuration) -> None:
        self._loop, self.log = loop, log
        self.configuration = configuration
        self.members: dict[str, Member] = {}
        self.groups: dict[str, Group] = {}
        self._watches: dict[str, tuple[Watch, ...]] = {}
        self.strangers_count = 0
        self._strangers: dict[tuple[str, int], float] = {}      # when each may be told of again
        self._netlink = Netlink()
        self._packets = PacketSocket()
        routed = any(each.virtual_routes or each.virtual_rules for each in configuration.instances)
        self._interfaces = Interfaces(loop, self._netlink, self._on_kernel, routes=routed or bool(
            configuration.static_routes or configuration.static_rules))
        self._programs = Programs(loop, log, configuration.global_)
        self._announcer = Announcer(self._intervals, self._send_frame)
        self._announcing = loop.timer(self._announce_due)
        self._routes_timer = loop.timer(self._restore_routes)
        self._startup = loop.timer(self._startup_over)
        self._starting = True
        self._firewall = Firewall(log)
        self._static = Holdings(self._netlink, self._interfaces, log, "static")
        self._around = Surroundings(loop, log, self._netlink, self._interfaces,
                                    SharedSockets(loop, self._socket_error, self._stranger),
                                    self._announcer, Notices(loop, log, self._programs, configuration.global_))
        self._trackers = Trackers(loop, log, self._programs, self._interfaces, self._on_tracked)

    def now(self) -> float:
        """The loop's time."""
        return self._loop.now()

    def clear_counters(self) -> None:
        """Begin counting anew."""
        for member in self.members.values():
            member.counters = Counters()

    # ── start, reload, stop ────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Put every instance on its interface."""
        self._require_interfaces(self.configuration)
        self._take_static()
        for instance in usable(self.configuration.instances):
            self._add(instance)
        for member in self.members.values():
            member.holdings.clear_stale()
        self._make_groups()
        self._settle_tracking()
        delay_s = self.configuration.global_.vrrp_startup_delay_s
        if delay_s:
            self.log.say("info", f"waiting {delay_s:g} s before starting (vrrp_startup_delay)")
            self._startup.set(self._loop.now() + delay_s)
        else:
            self._startup_over()

    def _startup_over(self) -> None:
        self._starting = False
        self._evaluate(self.members)

    def reload(self, configuration: Configuration) -> None:
        """Take a new configuration: what stays the same router keeps its state.

        Raises: StartError when an interface is missing; nothing has changed then.
        """
        self._require_interfaces(configuration)
        self.configuration = configuration
        self._programs.configure(configuration.global_)
        self._around.notices.configure(configuration.global_)
        wanted = {each.name: each for each in usable(configuration.instances)}
        for name, member in list(self.members.items()):
            if name not in wanted or not member.same_router(wanted[name]):
                self._remove(member, deleted=name not in wanted)
        for name, instance in wanted.items():
            if name in self.members:
                self.members[name].reconfigure(instance, configuration.global_)
            else:
                self._add(instance)
        self._take_static()
        self._make_groups()
        self._settle_tracking()
        self._evaluate(self.members)
        if configuration.global_.fifo_write_vrrp_states_on_reload:
            for member in self.members.values():
                self._around.notices.write("INSTANCE", member.name, member.state.value, member.router.priority)

    def stop(self, *, release: bool = True) -> None:
        """Give everything up, priority 0 first; without `release` the addresses stay (-V)."""
        now = self._loop.now()
        for member in self.members.values():
            if not release:
                member.holdings.belongings = Belongings()
            member.act(member.router.stop(now))
        for group in self.groups.values():
            self._tell_group(group)
        if release:
            self._static.release()
        self._trackers.stop()
        self._firewall.remove()
        self._around.notices.end_readers()

    def when_told(self, then: Callable[[], None]) -> None:
        """Call back once the scripts that are told of the end have run, or after a while."""
        self._programs.when_idle(PATIENCE_WITH_SCRIPTS_S, then)

    def close(self) -> None:
        """Give back what is left."""
        for member in self.members.values():
            member.close()
        self._around.notices.close()
        self._interfaces.close()
        self._packets.close()
        self._netlink.close()

    def _require_interfaces(self, configuration: Configuration) -> None:
        self._interfaces.delays = {each.name: (each.down_s, each.up_s) for each in configuration.interface_delays}
        if configuration.global_.dynamic_interfaces:
            return
        missing = [each for each in usable(configuration.instances) if each.interface
                   and each.interface not in self._interfaces.links]
        if missing:
            names = ", ".join(f"{each.interface} (vrrp_instance {each.name}, {each.where})" for each in missing)
            there = ", ".join(name for name, link in self._interfaces.links.items() if not link.loopback)
            raise StartError("interfaces", f"no such interface: {names}",
                             f"there are: {there or 'none'}; or write dynamic_interfaces in global_defs")

    def _add(self, instance: Instance) -> None:
        self.members[instance.name] = Member(self._around, instance, self.configuration.global_, self._after)
        self.members[instance.name].look_at_interface()

    def _remove(self, member: Member, *, deleted: bool) -> None:
        member.act(member.router.stop(self._loop.now(), "deleted" if deleted else "changed to another router"))
        if deleted:
            self._around.notices.deleted(member.name, member.router.priority, member.instance.notify)
        member.close()
        del self.members[member.name]

    def _take_static(self) -> None:
        configuration = self.configuration
        self._static.device = configuration.global_.default_interface
        self._static.held = True
        self._static.exchange(Belongings(configuration.static_addresses, configuration.static_routes, configuration.static_rules))
        refused = [each.address for instance in usable(configuration.instances) if not accepts(instance)
                   for each in (*instance.virtual_addresses, *instance.virtual_addresses_excluded)]
        self._firewall.apply(configuration.global_.nftables_table, refused, configuration.global_.nftables_counters)

    # ── groups ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _make_groups(self) -> None:
        before, self.groups = self.groups, {}
        for settings in self.configuration.sync_groups:
            taken = {name for group in self.groups.values() for name in group.members}
            members = {name: self.members[name].router for name in settings.members if name in self.members and name not in taken}
            if members and settings.name not in self.groups:
                group = Group(settings.name, members)
                self.groups[settings.name] = group
                if settings.name in before:
                    group.state = before[settings.name].state
                    group.own_faults = {name: why for name, why in before[settings.name].own_faults.items() if name in members}

    def group_of(self, name: str) -> Group | None:
        """The group that an instance is a member of."""
        return next((group for group in self.groups.values() if name in group.members), None)

    def _settings_of(self, group: Group | None) -> SyncGroup | None:
        return None if group is None else next((each for each in self.configuration.sync_groups if each.name == group.name), None)

    def _after(self, member: Member, actions: list[Action]) -> None:
        """A member has acted: its group follows, frames wait to be sent."""
        self._announcing.set(self._announcer.deadline)
        group = self.group_of(member.name)
        if group is not None:
            self._carry_out(group.follow(self._loop.now(), member.name, actions))
            self._tell_group(group)

    def _carry_out(self, steps: list[Step]) -> None:
        for name, actions in steps:
            if name in self.members:
                self.members[name].act(actions)

    def _tell_group(self, group: Group) -> None:
        state, settings = group.update_state(), self._settings_of(group)
        if state is None or settings is None or state is State.INIT:
            return
        self.log.say("info", f"VRRP_Group({group.name}) Syncing instances to {state.value} state")
        if state is not State.STOP:
            priority = max(router.priority for router in group.members.values())
            self._around.notices.transition("GROUP", group.name, state, priority, settings.notify, f"every instance of "
                                                                                                   f"{group.name}")

    # ── what is tracked, and faults ────────────────────────────────────────────────────────────────────────────────────

    def _settle_tracking(self) -> None:
        defaults = default_weights(tracked_settings(self.configuration))
        self._watches = {
            name: watches_of(member.instance, self._settings_of(self.group_of(name)), defaults) for name,
            member in self.members.items()
        }
        self._trackers.want(self.configuration, [watch for watches in self._watches.values() for watch in watches])

    def _on_tracked(self, key: Key) -> None:
        self._evaluate([name for name,
                        watches in self._watches.items() if any((watch.kind, watch.name) == key for watch in watches)])

    def _evaluate(self, names: Iterable[str]) -> None:
        """Let members know what is tracked, and let them fail, recover or start accordingly."""
        if self._starting:
            return
        for name in list(names):
            member = self.members.get(name)
            if member is not None and member.state is not State.STOP:
                member.track(self._trackers.effects(self._watches.get(name, ())))
                self._judge(member)

    def _judge(self, member: Member) -> None:
        now, group = self._loop.now(), self.group_of(member.name)
        reason = "; ".join(member.faults)
        if reason and member.state is State.FAULT and reason != member.router.reason:
            self.log.say("info", f"({member.name}) still in FAULT STATE ({reason})")
        if member.state is State.INIT and not reason:
            self._try_start(member, group)
        elif group is not None:
            self._carry_out(group.fault(now, member.name, reason) if reason else
                            group.recover(now, member.name) if member.name in group.own_faults else [])
            self._tell_group(group)
        elif reason:
            member.act(member.router.fault(now, reason))
        else:
            member.act(member.router.recover(now))

    def _try_start(self, member: Member, group: Group | None) -> None:
        """Start once everything that could be a fault has a state; a group starts as one."""
        together = list(group.members) if group is not None else [member.name]
        if any(self._trackers.pending(self._watches.get(name, ())) for name in together):
            return
        if group is not None and group.own_faults:
            self._carry_out([(member.name,
                              member.router.fault(self._loop.now(),
                                                  "; ".join(f"{k}: {v}" for k, v in group.own_faults.items())))])
            return
        member.act(member.router.start(self._loop.now()))

    # ── the kernel's news ──────────────────────────────────────────────────────────────────────────────────────────────

    def _on_kernel(self, changed: Changed) -> None:
        # What we put there ourselves tells nobody anything new; with many addresses it would be most of what is told.
        ours = {each.address.packed for member in self.members.values() for each in member.holdings.belongings.addresses}
        interesting = bool(changed.links or changed.addresses - ours)
        for member in list(self.members.values()):
            if interesting:
                member.look_at_interface()
            if changed.removed:
                member.addresses_removed(changed.removed)
        if changed.removed:
            self._static.restore(changed.removed)
        if changed.routes or changed.links or changed.removed:
            self._routes_timer.set(self._loop.now() + RESTORE_ROUTES_AFTER_S)
        if interesting:
            self._evaluate(self.members)
        self._announcing.set(self._announcer.deadline)

    def _restore_routes(self) -> None:
        self._static.restore_routes()
        for member in self.members.values():
            member.holdings.restore_routes()

    def _socket_error(self, text: str) -> None:
        self.log.say("warning", text)

    def _stranger(self, interface: str, vrid: int, received: Received) -> None:
        self.strangers_count += 1
        now = self._loop.now()
        if self.configuration.global_.log_unknown_vrids and now >= self._strangers.get((interface, vrid), 0.0):
            self._strangers[interface, vrid] = now + SAY_AGAIN_S
            self.log.say("info", f"{interface}: an advert for VRID {vrid} from {shown(received.envelope.source)}, which is not "
                                 f"configured here")

    # ── announcements ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _intervals(self, name: str) -> tuple[str, float, float]:
        for index, group in enumerate(self.configuration.garp_groups):
            if name in group.interfaces:
                return f"garp_group {index}", group.garp_interval_s, group.gna_interval_s
        global_ = self.configuration.global_
        return name, global_.vrrp_garp_interval_s, global_.vrrp_gna_interval_s

    def _send_frame(self, link: Link, frame: bytes) -> None:
        try:
            self._packets.send(link, frame)
        except OSError as error:            # the link has gone down meanwhile; nobody listens there
            self.log.detail(f"{link.name}: cannot announce: {error.strerror}")

    def _announce_due(self) -> None:
        self._announcer.handle_timer(self._loop.now())
        self._announcing.set(self._announcer.deadline)


def usable(instances: Iterable[Instance]) -> list[Instance]:
    """The instances that can run: with a router id, an interface or peers, and the first of their name."""
    found: dict[str, Instance] = {}
    for each in instances:
        if each.virtual_router_id and (each.interface or each.unicast_peers):
            found.setdefault(each.name, each)
    return list(found.values())
