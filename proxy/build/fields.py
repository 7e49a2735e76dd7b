"""Fields that the configuration adds to heads."""

from __future__ import annotations

from proxy.base.octets import octets_of
from proxy.config.model import AddressField
from proxy.core.address_fields import AddressFieldPolicy


def address_field(settings: AddressField | None) -> AddressFieldPolicy | None:
    """`option forwardfor` or `option originalto`, ready to be applied."""
    if settings is None:
        return None
    return AddressFieldPolicy(settings.header, settings.except_nets, settings.if_none)


def edits(wanted: tuple[tuple[str, str, str], ...]) -> tuple[tuple[str, bytes, bytes], ...]:
    """Field edits as octets, names in lower case."""
    return tuple(
        (action, octets_of(name).lower(), octets_of(value)) for action, name, value in wanted
    )
