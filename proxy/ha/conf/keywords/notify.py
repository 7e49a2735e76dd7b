"""`notify…` and `smtp_alert` of instances and groups."""

from __future__ import annotations

from proxy.ha.conf.keywords.row import Draft, Keyword, Line
from proxy.ha.conf.keywords.values import boolean, command, sets
from proxy.ha.conf.model import Notify

_SCRIPTS = {
    "notify_master": "master", "notify_backup": "backup", "notify_fault": "fault", "notify_stop": "stop", "notify": "any",
}


def _deleted(line: Line, draft: Draft) -> None:
    draft.values["notify_send_deleted"] = True
    if line.arguments:
        draft.values["notify_deleted"] = command(line, 0)


def notify_rows(*, instance: bool) -> tuple[Keyword, ...]:
    """The rows of an instance, or of a group."""
    rows: tuple[Keyword, ...] = (
        *(Keyword(word, '"<program> [<argument>...]" [<user> [<group>]]', sets(f"notify_{name}", command), least=1,
                  loads=(f'{word} "/bin/true a"', f"{word} /bin/true nobody"),
                  fails=(word, f'{word} ""', f"{word} /bin/true a b c"))
          for word, name in _SCRIPTS.items()),
        Keyword("notify_deleted", '["<program>" [<user> [<group>]]]', _deleted,
                loads=("notify_deleted", "notify_deleted /bin/true"),
                fails=('notify_deleted ""',)),
        Keyword("notify_priority_changes", "[<BOOL>]", sets("notify_priority_changes", boolean), "off", most=1,
                loads=("notify_priority_changes",), fails=("notify_priority_changes x",)),
        Keyword("smtp_alert", "[<BOOL>]", sets("notify_smtp_alert", boolean), "off", most=1,
                loads=("smtp_alert", "smtp_alert off"),
                fails=("smtp_alert maybe",)),
    )
    if instance:
        rows += (Keyword("notify_master_rx_lower_pri", '"<program>" [<user> [<group>]]',
                         sets("notify_master_rx_lower_pri", command), least=1,
                         loads=("notify_master_rx_lower_pri /bin/true",), fails=("notify_master_rx_lower_pri",)),)
    return rows


def notify_of(draft: Draft) -> Notify:
    """What the rows have read."""
    prefix = "notify_"
    return Notify(**{name.removeprefix(prefix): value for name, value in draft.values.items() if name.startswith(prefix)})
