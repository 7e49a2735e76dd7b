"""Numbers, times and texts as the page shows them."""

from __future__ import annotations

from html import escape

from proxy.stats.readings import Value

THIN_SPACE = "\u202f"       # narrow, and does not break


def grouped(value: Value) -> str:
    """A number in groups of three digits; a text as it is; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:,}".replace(",", THIN_SPACE) if value > 999 or value < -999 else str(value)


def short_time(seconds: int) -> str:
    """A length of time in its two largest units: 8s, 2m13s, 1d4h."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    if day:
        return f"{day}d{hour}h"
    if hour:
        return f"{hour}h{minute}m"
    return f"{minute}m{second}s" if minute else f"{second}s"


def percent(part: Value, whole: Value) -> str:
    """What part is of the whole, in whole percent; 0 of nothing is 0%."""
    if not isinstance(part, int) or not isinstance(whole, int) or whole <= 0:
        return "0%"
    return f"{part * 100 // whole}%"


def html(text: str) -> str:
    """Text made safe for an element's content or a quoted attribute."""
    return escape(text, quote=True)


def bit_rate(octets_per_s: int) -> str:
    """Octets per second as bits with a unit that keeps the number short."""
    bits = octets_per_s * 8.0
    for unit in ("bps", "kbps", "Mbps"):
        if bits < 1000:
            return f"{bits:.0f} {unit}" if unit == "bps" else f"{bits:.1f} {unit}"
        bits /= 1000
    return f"{bits:.1f} Gbps"
