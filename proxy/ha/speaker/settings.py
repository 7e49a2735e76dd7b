"""What an instance's configuration means to its router and to what it hears; strict mode is applied here."""

from __future__ import annotations

from dataclasses import replace

from proxy.ha.conf.model import Global, Instance, SyncGroup, Tracked, Tracking
from proxy.ha.conf.routing import IpAddress
from proxy.ha.vrrp.packet import AUTH_NONE, AUTH_SIMPLE, OWNER, Expectations
from proxy.ha.vrrp.priority import Watch
from proxy.ha.vrrp.router import RouterSettings

MAX_ADVERT_INT_V3_S = 40.95


def ip_version(instance: Instance) -> int:
    """4 or 6."""
    return 6 if instance.ipv6 else 4


def advert_int_s(instance: Instance) -> float:
    """The interval as the protocol carries it: whole seconds in version 2, hundredths up to 40.95 s in version 3."""
    if instance.version == 2:
        return float(max(1, int(instance.advert_int_s)))
    return min(round(instance.advert_int_s, 2), MAX_ADVERT_INT_V3_S)


def router_settings(instance: Instance) -> RouterSettings:
    """The state machine's part."""
    master = instance.state == "MASTER"
    settings = RouterSettings(
        version=instance.version, priority=instance.priority, advert_int_s=advert_int_s(instance), wants_master=master,
        nopreempt=instance.nopreempt and not master, preempt_delay_s=0.0 if master else instance.preempt_delay_s,
        down_timer_adverts=instance.down_timer_adverts, lower_prio_no_advert=instance.lower_prio_no_advert,
        higher_prio_send_advert=instance.higher_prio_send_advert, garp_master_delay_s=instance.garp_master_delay_s,
        garp_master_repeat=instance.garp_master_repeat, garp_master_refresh_s=instance.garp_master_refresh_s,
        garp_master_refresh_repeat=instance.garp_master_refresh_repeat, garp_lower_prio_delay_s=instance.garp_lower_prio_delay_s,
        garp_lower_prio_repeat=instance.garp_lower_prio_repeat, garp_extra_if_s=float(instance.garp_extra_if_s),
    )
    if instance.strict:
        settings = replace(settings, preempt_delay_s=0.0, lower_prio_no_advert=True, higher_prio_send_advert=False,
                           wants_master=instance.priority == OWNER)
    return settings


def expectations_of(instance: Instance) -> Expectations:
    """What is wanted of the adverts it hears."""
    version = ip_version(instance)
    authenticated = instance.auth_type == "PASS" and instance.version == 2 and not instance.strict
    return Expectations(
        version=instance.version, interval_s=advert_int_s(instance),
        addresses=frozenset(each.address.packed for each in instance.virtual_addresses if each.address.version == version),
        auth_type=AUTH_SIMPLE if authenticated else AUTH_NONE, auth_data=instance.auth_pass if authenticated else b"",
        multicast=not instance.unicast_peers,
        peers=tuple((peer.address.packed, peer.min_ttl, peer.max_ttl) for peer in instance.unicast_peers),
        check_source=bool(instance.unicast_peers) and instance.check_unicast_src,
    )


def group_of(instance: Instance, global_: Global) -> IpAddress:
    """The multicast group."""
    if instance.mcast_dst_ip is not None:
        return instance.mcast_dst_ip
    return global_.vrrp_mcast_group6 if instance.ipv6 else global_.vrrp_mcast_group4


def accepts(instance: Instance) -> bool:
    """Whether packets to its addresses are for this machine."""
    return instance.priority == OWNER or (instance.accept and not instance.strict)


def watches_of(instance: Instance, group: SyncGroup | None, defaults: dict[tuple[str, str], tuple[int, bool]]) -> tuple[Watch,
                                                                                                                        ...]:
    """Everything that an instance tracks, its group's included; in a group its own weights do not count unless it says so.

    `defaults` are the weights of the tracked things themselves, by kind and name; what is not there is not tracked.
    """
    own = _watches(instance.tracking, defaults)
    if group is None:
        return own
    if not group.tracking_weight:
        own = tuple(replace(watch, weight=0) for watch in own)
    return own + _watches(group.tracking, defaults)


def _watches(tracking: Tracking, defaults: dict[tuple[str, str], tuple[int, bool]]) -> tuple[Watch, ...]:
    found: list[Watch] = []
    kinds: tuple[tuple[str, tuple[Tracked, ...]], ...] = (
        ("interface", tracking.interfaces), ("script", tracking.scripts), ("file", tracking.files),
        ("process", tracking.processes),
    )
    for kind, tracked in kinds:
        for each in tracked:
            weight, reverse = defaults.get((kind, each.name), (0, False)) if kind != "interface" else (0, False)
            if kind != "interface" and (kind, each.name) not in defaults:
                continue
            found.append(Watch(kind, each.name, weight if each.weight is None else each.weight,
                               reverse if each.reverse is None else each.reverse))
    found += [Watch("proxy", f"{each.socket} {each.backend}", each.weight) for each in tracking.proxies]
    return tuple(found)
