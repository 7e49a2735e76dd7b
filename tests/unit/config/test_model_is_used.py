"""Nothing is read from a configuration and silently dropped: every field of the model is used outside `config`, or named here.

A field that is not used yet names the keyword whose row must be ignored with a warning; once the field is used, the row is to
become "acted on" (drop `not_yet` and `acts` there) and the name here goes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from proxy.config import model
from proxy.config.keywords import GLOBAL_INDEX, PROXY_INDEX
from proxy.config.keywords.bind import TABLE as BIND_WORDS
from proxy.config.keywords.options import ACTED_ON
from proxy.config.keywords.row import Acts
from proxy.config.keywords.server import TABLE as SERVER_WORDS

PACKAGE = Path(model.__file__).parents[1]
SOURCE = "\n".join(
    path.read_text() for path in sorted(PACKAGE.rglob("*.py")) if "config" not in path.relative_to(PACKAGE).parts[:1]
)
PARTS: tuple[Any, ...] = (
    model.Global, model.LogTarget, model.StatsSocket, model.Bind, model.CheckRule, model.ServiceCheck, model.ServerLine,
    model.CookieSettings,
    model.BalanceSettings, model.StatsSettings, model.ErrorPage, model.UseService, model.Timeouts, model.ProxySection,
    model.Nameserver, model.ResolversSection,
)
NOT_YET: dict[str, Any] = {
    "Global.grace_ms": GLOBAL_INDEX["grace"],
    "Global.close_spread_time_ms": GLOBAL_INDEX["close-spread-time"],
    "Global.maxconnrate": GLOBAL_INDEX["maxconnrate"],
    "Global.maxsessrate": GLOBAL_INDEX["maxsessrate"],
    "Global.http_cookielen": GLOBAL_INDEX["tune.http.cookielen"],
    "Global.maxaccept": GLOBAL_INDEX["tune.maxaccept"],
    "Global.pool_low_fd_ratio": GLOBAL_INDEX["tune.pool-low-fd-ratio"],
    "Global.pool_high_fd_ratio": GLOBAL_INDEX["tune.pool-high-fd-ratio"],
    "Global.rcvbuf_client": GLOBAL_INDEX["tune.rcvbuf.client"],
    "Global.sndbuf_client": GLOBAL_INDEX["tune.sndbuf.client"],
    "Global.rcvbuf_server": GLOBAL_INDEX["tune.rcvbuf.server"],
    "Global.sndbuf_server": GLOBAL_INDEX["tune.sndbuf.server"],
    "Global.localpeer": GLOBAL_INDEX["localpeer"],
    "Bind.nice": BIND_WORDS["nice"],
    "Bind.tcp_ut_ms": BIND_WORDS["tcp-ut"],
    "ServerLine.tcp_ut_ms": SERVER_WORDS["tcp-ut"],
    "StatsSettings.show_modules": PROXY_INDEX["stats show-modules"],
}
FOR_A_REASON = {
    "Timeouts.tarpit": "it has a meaning with tarpit rules only, and those are refused",
    "Bind.v6only": "an IPv6 listener takes IPv6 clients only unless v4v6 is given",
    "ProxySection.httpchk": "check_rules says the same",
}
FIELDS = [f"{part.__name__}.{name}" for part in PARTS for name in part.__match_args__ if name != "where"]


def is_used(name: str) -> bool:
    return re.search(rf"\.{re.escape(name)}\b", SOURCE) is not None


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_used_or_said_not_to_be(name: str) -> None:
    if name in NOT_YET:
        assert NOT_YET[name].acts is Acts.IGNORED, "its keyword warns that it has no effect"
    elif name not in FOR_A_REASON:
        assert is_used(name.partition(".")[2]), "act on it, or make its keyword warn and name it here"


def test_names_here_are_fields() -> None:
    assert (set(NOT_YET) | set(FOR_A_REASON)) <= set(FIELDS)


@pytest.mark.parametrize("option", [name for name, _ in ACTED_ON if name != "http-no-delay"])
def test_an_option_is_acted_on(option: str) -> None:
    """`http-no-delay` is not looked for: it is how every loop's sockets are."""
    assert f'"{option}"' in SOURCE, "act on it, or move it to IGNORED"
