"""`http-request` and `http-response` rules that add, set or delete a field, always and with a fixed value.

They are what `reqadd`, `rspadd`, `reqdel` and `rspdel` were replaced by. Conditions and values made of samples or log variables
are refused by name.
"""

from __future__ import annotations

from proxy.config.drafts import ProxyDraft
from proxy.config.keywords.conditions import constant_condition
from proxy.config.keywords.row import Line, Refusal
from proxy.config.keywords.values import is_field_name

ACTIONS = {"add-header": "add", "set-header": "set", "del-header": "del"}
OWN_FIELDS = {
    "connection": "option httpclose, or option http-server-close",
    **dict.fromkeys(
        ("content-length", "transfer-encoding", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect"),
        "remove the line",
    ),
}
"""What pyproxy writes itself, from the connection at hand and the body's framing; with what to write instead."""


def read_field_rule(line: Line, proxy: ProxyDraft) -> None:
    """Keep the edit of an `http-request add-header` or one of its kin.

    Raises: Refusal.
    """
    action = line.text(0)
    count = 1 if action == "del-header" else 2
    if len(line.arguments) <= count or "" in line.texts(1)[:count]:
        shape = "<name> <value>" if count == 2 else "<name>"
        raise Refusal(
            f"error detected in proxy '{proxy.name}' while parsing '{line.keyword} {action}' rule : expects exactly {count} "
            f"argument{'s' if count > 1 else ''}.", line.at(0), f"{line.keyword} {action} {shape}",
        )
    name = line.text(1)
    check_field(line, 1, name, ACTIONS[action], f"{line.keyword} {action}")
    value = _fixed_value(line, 2) if count == 2 else ""
    test = line.text(count + 1)
    if action == "del-header" and test == "-m":
        raise line.unsupported(
            f"{line.keyword} del-header -m", f"'{line.keyword} del-header … -m' is not supported by this version of pyproxy",
            "write one rule for each name", line.at(count + 1),
        )
    if test and test not in ("if", "unless"):
        raise Refusal(
            f"'{line.keyword} {action}' expects either 'if' or 'unless' followed by a condition but found '{test}'.",
            line.at(count + 1), "quote a value that has spaces",
        )
    if constant_condition(line, count + 1, f"{line.keyword} {action}", "without a condition it is understood"):
        fields = proxy.request_fields if line.keyword == "http-request" else proxy.response_fields
        fields.append((ACTIONS[action], name, value))
        proxy.set_at[line.keyword] = line.where


def check_field(line: Line, index: int, name: str, action: str, feature: str) -> None:
    """Whether a field of that name may be added, set or deleted.

    Raises: Refusal.
    """
    folded = name.lower()
    if not is_field_name(name):
        raise line.unsupported(
            f"{feature} with a name that is none", f"'{name}' is no name of a field.",
            "letters, digits and - make a name, without a colon", line.at(index),
        )
    if folded in OWN_FIELDS:
        raise line.unsupported(
            f"{feature} {folded}",
            f"'{feature} {name}' is not supported by this version of pyproxy: it writes that field itself, as connection and "
            "body need it", OWN_FIELDS[folded], line.at(index),
        )
    if folded == "host" and action == "add":
        raise line.unsupported(
            f"{feature} host", f"'{feature} {name}' is not supported by this version of pyproxy: a request has one Host",
            "http-request set-header Host <value>", line.at(index),
        )


def _fixed_value(line: Line, index: int) -> str:
    """The value, its %% resolved."""
    text = line.text(index)
    parts = text.split("%%")
    if "%" in parts[-1][-1:]:
        raise Refusal(
            f"error detected while parsing '{line.keyword} {line.text(0)}' rule : truncated line after '%'.", line.at(index),
            "write %% for a percent sign",
        )
    if any("%" in part for part in parts):
        rule = f"{line.keyword} {line.text(0)}"
        raise line.unsupported(
            f"{rule} with a sample or variable",
            f"'{rule}' with a sample or a variable in its value is not supported by this version of pyproxy",
            "write a fixed value (%% for a percent sign); option forwardfor tells servers the client's address", line.at(index),
        )
    value = "%".join(parts)
    if any(char in value for char in "\r\n\0"):
        raise Refusal("a line end or NUL cannot be part of a field.", line.at(index))
    return value
