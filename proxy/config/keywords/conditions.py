"""The conditions that can be decided while reading: `if TRUE` and its like. Everything else needs ACLs."""

from __future__ import annotations

from proxy.config.keywords.row import Line, Refusal

CONSTANTS = {"TRUE": True, "FALSE": False}


def constant_condition(line: Line, index: int, feature: str, hint: str) -> bool:
    """What the condition starting at argument `index` comes to; True where there is none.

    Raises: Refusal naming `feature` where it is not a constant.
    """
    if index >= len(line.arguments):
        return True
    test = line.text(index)
    if test not in ("if", "unless"):
        raise Refusal(
            f"error detected while parsing '{line.keyword}' : expects either 'if' or 'unless' followed by a condition "
            f"(got '{test}')", line.at(index),
        )
    value = CONSTANTS.get(line.text(index + 1))
    if value is None or len(line.arguments) > index + 2:
        if len(line.arguments) == index + 1:
            raise Refusal(f"'{line.keyword}' : missing condition after '{test}'", line.at(index))
        raise line.unsupported(
            f"{feature} with a condition",
            f"'{line.keyword} … {test} …' is not supported by this version of pyproxy: rules and ACLs are not evaluated yet",
            hint,
            line.at(index),
        )
    return value if test == "if" else not value
