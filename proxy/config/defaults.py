"""What a section starts from: the settings of the defaults section in force, those that have a meaning on its side.

Source: HAProxy configuration manual, section 4 (the latest `defaults` before a section, or the one it names with `from`).
"""

from __future__ import annotations

from proxy.base.errors import Where
from proxy.config.drafts import ProxyDraft
from proxy.config.keywords import PROXY_KEYWORDS
from proxy.config.keywords.row import SECTION_OF_KIND
from proxy.config.keywords.timeouts import SIDES

# Settings of one side only, by field name. What is not here belongs to both.
_FRONT_SETTINGS = frozenset({
    "backlog", "default_backend", "error_log_format", "log_format", "log_format_kind", "maxconn", "monitor_uri",
    "rate_limit_sessions",
    "unique_id_format", "unique_id_header",
})
_BACK_SETTINGS = frozenset({"fullconn", "http_reuse", "redispatch_after", "retries", "retry_on", "source"})
_OPTION_SECTIONS = {row.words.removeprefix("option "): row.sections for row in PROXY_KEYWORDS if row.words.startswith("option ")}
_TIMEOUT_SECTIONS = {name.replace("-", "_"): sections for name, sections in SIDES}


def derive(base: ProxyDraft | None, kind: str, name: str, where: Where) -> ProxyDraft:
    """A new section of this kind with what it inherits from `base`, which stays as it is."""
    draft = ProxyDraft(kind, name, where)
    if base is None:
        return draft
    section = SECTION_OF_KIND[kind]
    foreign = _FRONT_SETTINGS if kind == "backend" else _BACK_SETTINGS if kind == "frontend" else frozenset()
    draft.settings = {name: value for name, value in base.settings.items() if name not in foreign}
    draft.set_at = dict(base.set_at)
    draft.options = {option for option in base.options if section in _OPTION_SECTIONS[option]}
    draft.timeouts = {name: value for name, value in base.timeouts.items() if section in _TIMEOUT_SECTIONS[name]}
    draft.forwardfor = base.forwardfor
    draft.originalto = base.originalto
    draft.logs = list(base.logs)
    draft.stats = base.stats
    draft.stats_inherited = base.stats is not None
    draft.error_pages = dict(base.error_pages)
    draft.request_fields = list(base.request_fields)
    draft.response_fields = list(base.response_fields)
    if kind != "frontend":
        draft.default_server = dict(base.default_server)
        draft.balance = base.balance
        draft.cookie = base.cookie
        draft.check = base.check
        draft.check_request = base.check_request
        draft.check_service = base.check_service
        draft.http_check_rules = list(base.http_check_rules)
        draft.tcp_check_rules = list(base.tcp_check_rules)
        draft.disable_on_404 = base.disable_on_404
        draft.send_state = base.send_state
    return draft
