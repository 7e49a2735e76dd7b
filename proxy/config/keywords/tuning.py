"""Keywords that are understood and change nothing that matters here: each gets one plain warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.config.drafts import GlobalDraft, ProxyDraft
from proxy.config.keywords.row import ANY_BACK, ANY_FRONT, ANY_PROXY, GLOBAL, Acts, Keyword, Line, Refusal, Sections

_TLS = "TLS is not spoken yet"
_SPEED = "it is a matter of HAProxy's own scheduling"

# name, whether it takes arguments, why it may be ignored
GLOBAL_WITH_ARGUMENT: tuple[tuple[str, str], ...] = (
    ("ca-base", _TLS), ("crt-base", _TLS), ("cpu-map", _SPEED), ("fd-hard-limit", ""),
    ("h1-case-adjust", "names leave in lower case"),
    ("h1-case-adjust-file", "names leave in lower case"), ("httpclient.resolvers.id", "there is no HTTP client"),
    ("httpclient.resolvers.prefer", "there is no HTTP client"), ("httpclient.resolvers.disabled", "there is no HTTP client"),
    ("httpclient.ssl.ca-file", "there is no HTTP client"), ("httpclient.ssl.verify", "there is no HTTP client"),
    ("issuers-chain-path", _TLS), ("lua-prepend-path", "Lua is not run"), ("maxcompcpuusage", "nothing is compressed"),
    ("maxcomprate", "nothing is compressed"), ("maxpipes", _SPEED), ("maxsslconn", _TLS), ("maxsslrate", _TLS),
    ("maxzlibmem", "nothing is compressed"), ("profiling.tasks", _SPEED),
    ("server-state-base", "servers start UP"),
    ("server-state-file", "servers start UP"), ("set-var", "variables are not evaluated yet"),
    ("set-var-fmt", "variables are not evaluated yet"),
    ("ssl-default-bind-ciphers", _TLS), ("ssl-default-bind-ciphersuites", _TLS), ("ssl-default-bind-curves", _TLS),
    ("ssl-default-bind-options", _TLS), ("ssl-default-server-ciphers", _TLS), ("ssl-default-server-ciphersuites", _TLS),
    ("ssl-default-server-options", _TLS), ("ssl-dh-param-file", _TLS), ("ssl-engine", _TLS), ("ssl-load-extra-files", _TLS),
    ("ssl-load-extra-del-ext", _TLS), ("ssl-propquery", _TLS), ("ssl-provider", _TLS), ("ssl-provider-path", _TLS),
    ("ssl-server-verify", _TLS), ("thread-group", _SPEED), ("thread-groups", _SPEED), ("cluster-secret", ""),
    ("51degrees-data-file", ""), ("51degrees-property-name-list", ""), ("51degrees-property-separator", ""),
    ("51degrees-cache-size", ""),
    ("deviceatlas-json-file", ""), ("deviceatlas-log-level", ""), ("deviceatlas-properties-cookie", ""),
    ("deviceatlas-separator", ""),
    ("wurfl-cache-size", ""), ("wurfl-data-file", ""), ("wurfl-information-list", ""), ("wurfl-information-list-separator", ""),
    *((f"tune.{name}", _SPEED) for name in (
        "buffers.limit", "buffers.reserve", "comp.maxlevel", "fail-alloc", "fd.edge-triggered", "h2.header-table-size",
        "h2.initial-window-size", "h2.max-concurrent-streams", "h2.max-frame-size", "idle-pool.shared", "idletimer",
        "listener.multi-queue", "lua.forced-yield", "lua.maxmem", "lua.service-timeout", "lua.session-timeout",
        "lua.task-timeout",
        "maxpollevents", "pattern.cache-size", "peers.max-updates-at-once", "pipesize", "quic.frontend.conn-tx-buffers.limit",
        "quic.frontend.max-idle-timeout", "quic.frontend.max-streams-bidi", "quic.retry-threshold", "recv_enough",
        "runqueue-depth",
        "sched.low-latency", "vars.check-max-size", "vars.global-max-size", "vars.proc-max-size", "vars.reqres-max-size",
        "vars.sess-max-size",
        "vars.txn-max-size", "zlib.memlevel", "zlib.windowsize", "disable-zero-copy-forwarding", "h1.zero-copy-fwd-recv",
        "h1.zero-copy-fwd-send",
        "glitches.kill.cpu-usage", "memory.hot-size", "max-checks-per-thread", "max-rules-at-once",
        "takeover-other-tg-connections",
    )),
    *((f"tune.ssl.{name}", _TLS) for name in (
        "cachesize", "capture-buffer-size", "capture-cipherlist-size", "default-dh-param", "hard-maxrecord", "keylog", "lifetime",
        "maxrecord",
        "ssl-ctx-cache-size", "ocsp-update.maxdelay", "ocsp-update.mindelay",
    )),
)
GLOBAL_ALONE: tuple[tuple[str, str], ...] = (
    ("external-check", "no external program is run"), ("expose-experimental-directives", ""),
    ("h1-accept-payload-with-any-method", ""),
    ("h2-workaround-bogus-websocket-clients", "HTTP/2 is not spoken yet"), ("insecure-fork-wanted", ""),
    ("insecure-setuid-wanted", ""),
    ("no-memory-trimming", _SPEED), ("noepoll", _SPEED), ("noevports", _SPEED),
    ("nogetaddrinfo", "names are resolved by getaddrinfo"),
    ("nokqueue", _SPEED), ("nopoll", _SPEED), ("noreuseport", ""),
    ("pp2-never-send-local", ""), ("ssl-mode-async", _TLS), ("ssl-skip-self-issued-ca", _TLS),
    ("tune.ssl.force-private-cache", _TLS),
)
GLOBAL_SWITCHES = ("busy-polling", "numa-cpu-mapping", "set-dumpable", "strict-limits")
PROXY_WITH_ARGUMENT: tuple[tuple[str, Sections, str], ...] = (
    ("clitcpka-cnt", ANY_FRONT, "the system's value is used"), ("clitcpka-idle", ANY_FRONT, "the system's value is used"),
    ("clitcpka-intvl", ANY_FRONT, "the system's value is used"), ("srvtcpka-cnt", ANY_BACK, "the system's value is used"),
    ("srvtcpka-idle", ANY_BACK, "the system's value is used"), ("srvtcpka-intvl", ANY_BACK, "the system's value is used"),
    ("external-check command", ANY_BACK, "it has a meaning with 'option external-check' only"),
    ("external-check path", ANY_BACK, "it has a meaning with 'option external-check' only"),
    ("load-server-state-from-file", ANY_BACK, "servers start UP"), ("server-state-file-name", ANY_BACK, "servers start UP"),
    ("max-keep-alive-queue", ANY_BACK, "a connection is kept while it is useful"),
    ("max-session-srv-conns", ANY_FRONT, "connections to servers are shared by all clients"),
)
COMPRESSION = (
    "algo", "type", "offload", "direction", "algo-req", "algo-res", "type-req", "type-res", "minsize-req", "minsize-res",
)
EMAIL_ALERT = ("from", "level", "mailers", "myhostname", "to")


def ignored(because: str) -> Callable[[Line, Any], None]:
    """The reader of a row that only warns."""

    def read(line: Line, draft: Any) -> None:
        line.ignored(line.keyword, because=because)

    return read


def _switch(line: Line, draft: GlobalDraft) -> None:
    if not line.negated:
        ignored(_SPEED)(line, draft)


def _read_unix_bind(line: Line, draft: GlobalDraft) -> None:
    index = 0
    while index < len(line.arguments):
        word, value = line.text(index), line.text(index + 1)
        if word not in ("prefix", "mode", "uid", "gid", "user", "group"):
            raise Refusal("'unix-bind' only supports the 'prefix', 'mode', 'uid', 'gid', 'user' and 'group' options.",
                          line.at(index))
        digits = "01234567" if word == "mode" else "0123456789"
        if not value or (word in ("mode", "uid", "gid") and (len(value) > 10 or any(digit not in digits for digit in value))):
            raise Refusal(f"'unix-bind' : '{word}' : missing or invalid value '{value}'", line.at(index + 1))
        draft.unix_bind[word] = int(value, 8) if word == "mode" else int(value) if word in ("uid", "gid") else value
        index += 2


def _read_default_path(line: Line, draft: GlobalDraft) -> None:
    if line.text(0) not in ("current", "config", "parent", "origin"):
        raise Refusal(
            f"unsupported default-path mode '{line.text(0)}' for 'default-path', supported modes include 'current', 'config', "
            "'parent', and "
            "'origin'.", line.at(0),
        )
    draft.settings["default_path"] = " ".join(line.texts())


def _read_environment(line: Line, draft: GlobalDraft) -> None:
    """Carried out by the reader, since it changes the lines behind it (`proxy.config.environment`)."""


def _read_lua(line: Line, draft: GlobalDraft) -> None:
    raise line.unsupported("Lua", f"'{line.keyword}' is not supported by this version of pyproxy: Lua is not run")


GLOBAL_ROWS: tuple[Keyword[GlobalDraft], ...] = (
    *(Keyword(name, GLOBAL, "<value>...", ignored(because), "3", least=1, missing=f"'{name}' expects an argument.",
              acts=Acts.IGNORED,
              loads=(f"{name} 1",), fails=(name,))
      for name, because in GLOBAL_WITH_ARGUMENT),
    *(Keyword(name, GLOBAL, "", ignored(because), "3", most=0, acts=Acts.IGNORED, loads=(name,), fails=(f"{name} x",))
      for name, because in GLOBAL_ALONE),
    *(Keyword(name, GLOBAL, "", _switch, "3", most=0, negatable=True, acts=Acts.IGNORED, loads=(name, f"no {name}"),
              fails=(f"{name} x y",))
      for name in GLOBAL_SWITCHES),
    Keyword("unix-bind", GLOBAL, "[prefix <prefix>] [mode <mode>] [user <user>] [uid <uid>] [group <group>] [gid <gid>]",
            _read_unix_bind, "3.1",
            least=1, missing="'unix-bind' only supports the 'prefix', 'mode', 'uid', 'gid', 'user' and 'group' options.",
            loads=("unix-bind prefix /run/ mode 770 uid 0",), fails=("unix-bind", "unix-bind loud", "unix-bind mode rwx")),
    Keyword("default-path", GLOBAL, "{ current | config | parent | origin <path> }", _read_default_path, "3.1", "current",
            least=1,
            missing="missing default-path mode '' for 'default-path', supported modes include 'current', 'config', "
                    "'parent', and 'origin'.",
            loads=("default-path config", "default-path origin /"), fails=("default-path", "default-path home")),
    *(Keyword(name, GLOBAL, usage, _read_environment, "3.1", loads=(good,), fails=bad)
      for name, usage, good, bad in (
          ("setenv", "<name> <value>", "setenv A b", ("setenv A",)), ("presetenv", "<name> <value>", "presetenv A b",
                                                                      ("presetenv A",)),
          ("unsetenv", "<name>...", "unsetenv A", ("unsetenv",)), ("resetenv", "[<name>...]", "resetenv PATH", ("resetenvs",)),
      )),
    *(Keyword(name, GLOBAL, "<file> [<arguments>]", _read_lua, "3.1", least=1,
              missing=f"'{name}' expects a file name as parameter.",
              acts=Acts.UNSUPPORTED, feature="Lua", fails=(f"{name} /etc/haproxy/a.lua", name))
      for name in ("lua-load", "lua-load-per-thread")),
)

ROWS: tuple[Keyword[ProxyDraft], ...] = (
    *(Keyword(name, sections, "<value>", ignored(because), least=1, missing=f"'{name}' expects an argument.", acts=Acts.IGNORED,
              loads=(f"{name} 5",), fails=(name,))
      for name, sections, because in PROXY_WITH_ARGUMENT),
    *(Keyword(f"compression {name}", ANY_PROXY, "<value>...", ignored("bodies are forwarded as they come"), acts=Acts.IGNORED,
              loads=(f"compression {name} gzip",), fails=(f"compression {name}s",))
      for name in COMPRESSION),
    *(Keyword(f"email-alert {name}", ANY_PROXY, "<value>", ignored("state changes are logged, not mailed"), least=1, most=1,
              missing=f"'email-alert {name}' expects an argument.", acts=Acts.IGNORED, loads=(f"email-alert {name} a",),
              fails=(f"email-alert {name}",))
      for name in EMAIL_ALERT),
)
