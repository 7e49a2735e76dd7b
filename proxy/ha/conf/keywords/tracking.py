"""What is watched: scripts, files, processes, interfaces and proxies; and the blocks that say who watches them."""

from __future__ import annotations

from proxy.config.statements import Word
from proxy.ha.conf.blocks import Entry
from proxy.ha.conf.keywords.row import SURPLUS, Acts, Draft, Keyword, Line, Read, Refusal, Table
from proxy.ha.conf.keywords.values import (
    command,
    decimal_of,
    integer,
    integer_of,
    seconds,
    sets,
    text,
    true,
)
from proxy.ha.conf.model import Tracked, TrackProxy

WEIGHT = 253


def read_weight(low: int, high: int) -> Read:
    """`weight N [reverse]`."""

    def read(line: Line, draft: Draft) -> None:
        draft.values["weight"] = integer_of(line.arguments[0], low, high)
        draft.values["reverse"] = False
        if len(line.arguments) > 1:
            if line.text(1) == "reverse":
                draft.values["reverse"] = True
                line.surplus(2)
            else:
                line.surplus(1)

    return read


def _user(line: Line, draft: Draft) -> None:
    draft.values["user"], draft.values["group"] = line.text(0), line.text(1)


SCRIPT_ROWS = (
    Keyword("script", '"<program> [<argument>...]"', sets("script", command), least=1,
            loads=('script "/bin/true a"', "script /bin/true"), fails=("script", 'script ""', "script \"/bin/true 'a\"")),
    Keyword("interval", "<seconds>", sets("interval_s", seconds(0.001, 4294.0)), "1", 1, 1, loads=("interval 2",),
            fails=("interval", "interval 2;", "interval 0")),
    Keyword("timeout", "<seconds>", sets("timeout_s", seconds(0.001, 4294.0)), "interval", 1, 1, loads=("timeout 3",),
            fails=("timeout", "timeout x")),
    Keyword("weight", "<-253..253> [reverse]", read_weight(-WEIGHT, WEIGHT), "0", 1, loads=("weight -60", "weight 2 reverse"),
            fails=("weight", "weight 254", "weight 2 //x")),
    Keyword("rise", "<n>", sets("rise", integer(1, 2**31 - 1)), "1", 1, 1, loads=("rise 2",), fails=("rise 0", "rise")),
    Keyword("fall", "<n>", sets("fall", integer(1, 2**31 - 1)), "1", 1, 1, loads=("fall 2",), fails=("fall 0", "fall")),
    Keyword("user", "<user> [<group>]", _user, "script_user", 1, 2, loads=("user nobody nogroup",), fails=("user", "user a b c")),
    Keyword("init_fail", "", sets("init_fail", true), "off", most=0, loads=("init_fail",), fails=("init_fail 1",)),
)
SCRIPT = Table("vrrp_script", SCRIPT_ROWS, "vrrp_script s {{\nscript \"/bin/true\"\n{}\n}}")


def _process(line: Line, draft: Draft) -> None:
    # A quoted first word is the command's name as it stands, blanks included.
    draft.values["process"] = line.text(0)
    if len(line.arguments) > 1:
        draft.values["parameters"] = tuple(line.texts(1))


def _delay(line: Line, draft: Draft) -> None:
    value = decimal_of(line.arguments[0], 0.0, 3600.0)
    draft.values["fork_delay_s"] = draft.values["terminate_delay_s"] = value


def _param_match(line: Line, draft: Draft) -> None:
    if line.text(0) not in ("initial", "partial"):
        raise Refusal(f"'param_match': unknown value '{line.text(0)}'", line.at(0),
                      "write: param_match initial, or: param_match partial")
    draft.values["param_match"] = line.text(0)


PROCESS_ROWS = (
    Keyword("process", "<name> [<parameter>...]", _process, least=1, loads=("process nginx", 'process "a b" -c "x y"'),
            fails=("process",)),
    Keyword("param_match", "initial|partial", _param_match, least=1, most=1, loads=("param_match initial",),
            fails=("param_match", "param_match all")),
    Keyword("full_command", "", sets("full_command", true), "off", most=0, loads=("full_command",), fails=("full_command 1",)),
    Keyword("weight", "<-254..254> [reverse]", read_weight(-254, 254), "1", 1, loads=("weight 10", "weight 0"),
            fails=("weight", "weight 255")),
    Keyword("quorum", "<n>", sets("quorum", integer(1, 65535)), "1", 1, 1, loads=("quorum 2",), fails=("quorum 0", "quorum")),
    Keyword("quorum_max", "<n>", sets("quorum_max", integer(0, 65535)), "none", 1, 1, loads=("quorum_max 0",),
            fails=("quorum_max", "quorum_max x")),
    Keyword("fork_delay", "<seconds>", sets("fork_delay_s", seconds(0, 3600)), "0", 1, 1, loads=("fork_delay 0.5",),
            fails=("fork_delay", "fork_delay 4000")),
    Keyword("terminate_delay", "<seconds>", sets("terminate_delay_s", seconds(0, 3600)), "0", 1, 1,
            loads=("terminate_delay 0.5",), fails=("terminate_delay",)),
    Keyword("delay", "<seconds>", _delay, "0", 1, 1, loads=("delay 1",), fails=("delay", "delay x")),
)
PROCESS = Table("vrrp_track_process", PROCESS_ROWS, "vrrp_track_process p {{\nprocess nginx\n{}\n}}")


def _init_file(line: Line, draft: Draft) -> None:
    draft.values["init_file"] = True
    rest = list(line.arguments)
    if rest and rest[0].text != "overwrite":
        draft.values["init_value"] = integer_of(rest.pop(0), -(2**31), 2**31 - 1)
    if rest:
        if rest[0].text != "overwrite":
            raise Refusal(f"'init_file': unknown word '{rest[0].text}'", rest[0], "write: init_file 0 overwrite")
        draft.values["init_overwrite"] = True


FILE_ROWS = (
    Keyword("file", "<path>", sets("file", text), least=1, most=1, loads=('file "/run/weight"',), fails=("file", "file a b")),
    Keyword("weight", "<number> [reverse]", read_weight(-(2**31) + 1, 2**31 - 1), "1", 1, loads=("weight 2", "weight -1 reverse"),
            fails=("weight", "weight x")),
    Keyword("init_file", "[<value>] [overwrite]", _init_file, most=2,
            loads=("init_file", "init_file 5 overwrite", "init_file overwrite"),
            fails=("init_file 5 x", "init_file x")),
)
FILE = Table("track_file", FILE_ROWS, 'track_file f {{\nfile "/run/f"\n{}\n}}')


def _tracked(line: Line, entry: Entry, low: int, high: int) -> Tracked:
    """One line, `name [weight N [reverse|noreverse]]`; a weight that cannot be read is left out with a warning."""
    words = entry.words[1:]
    weight: int | None = None
    reverse: bool | None = None
    if words and words[0].text == "weight":
        if len(words) < 2:
            line.warn(f"'{entry.keyword}': 'weight' needs a number", words[0], f"write: {entry.keyword} weight -60")
            return Tracked(entry.keyword, where=entry.where)
        try:
            weight = integer_of(words[1], low, high)
        except Refusal as refusal:
            line.warn(refusal.message, refusal.at, refusal.hint)
        words = words[2:]
        if words and words[0].text in ("reverse", "noreverse", "no_reverse"):
            reverse = words[0].text == "reverse"
            words = words[1:]
    if words:
        extra = " ".join(word.text for word in words)
        clean = " ".join(word.text for word in entry.words[: len(entry.words) - len(words)])
        line.warn(f"surplus words '{extra}' ignored", words[0], f"write: {clean}", SURPLUS)
    return Tracked(entry.keyword, weight, reverse, entry.where)


def tracks(name: str, low: int, high: int) -> Read:
    """A `track_…` block that adds to one field."""

    def read(line: Line, draft: Draft) -> None:
        for entry in line.entries:
            draft.add(name, _tracked(line, entry, low, high))

    return read


def _read_track_proxy(line: Line, draft: Draft) -> None:
    """The block's words are pairs, however they are spread over lines."""
    words = [word for entry in line.entries for word in entry.words]
    found: dict[str, object] = {}
    for index in range(0, len(words), 2):
        name = words[index]
        if index + 1 >= len(words):
            raise Refusal(f"'{name.text}' needs a value", name, "write: socket <path>, backend <name>, weight <n>")
        found.update(_proxy_pair(name, words[index + 1]))
    if "socket" not in found or "backend" not in found:
        raise Refusal("'track_proxy' needs a socket and a backend", line.at(0),
                      "write: track_proxy { socket /run/pyproxy.sock  backend weblb  weight -60 }")
    draft.add("track_proxies", TrackProxy(where=line.where, **found))  # type: ignore[arg-type]


def _proxy_pair(name: Word, value: Word) -> dict[str, object]:
    match name.text:
        case "socket" | "backend":
            return {name.text: value.text}
        case "weight":
            return {"weight": integer_of(value, -WEIGHT, WEIGHT)}
        case "interval" | "timeout":
            return {f"{name.text}_s": decimal_of(value, 0.05, 3600.0)}
        case "rise" | "fall":
            return {name.text: integer_of(value, 1, 1000)}
    raise Refusal(f"Unknown keyword '{name.text}' in 'track_proxy'", name,
                  "it has socket, backend, weight, interval, timeout, rise and fall")


def track_rows() -> tuple[Keyword, ...]:
    """The blocks that an instance and a group may have."""
    return (
        Keyword("track_interface", "{ <interface> [weight <n> [reverse]]... }", tracks("track_interfaces", -WEIGHT, WEIGHT),
                block=True,
                loads=("track_interface {\neth0\neth1 weight -20\n}",),
                fails=("track_interface eth0", "track_interface {\neth0 weight 300\n}",
                                                                               "track_interface {\neth0 weight\n}")),
        Keyword("track_script", "{ <name> [weight <n> [reverse]]... }", tracks("track_scripts", -WEIGHT, WEIGHT), block=True,
                loads=("track_script {\n}",), fails=("track_script s", "track_script {\ns weight 1 x\n}")),
        Keyword("track_file", "{ <name> [weight <n> [reverse]]... }", tracks("track_files", -254, 254), block=True,
                loads=("track_file {\n}",), fails=("track_file f",)),
        Keyword("track_process", "{ <name> [weight <n> [reverse]]... }", tracks("track_processes", -254, 254), block=True,
                loads=("track_process {\n}",), fails=("track_process p",)),
        Keyword("track_proxy", "{ socket <path> backend <name> [weight <n>] [interval <s>] [timeout <s>] [rise <n>] [fall <n>] }",
                _read_track_proxy,
                block=True, loads=("track_proxy { socket /run/pyproxy.sock  backend weblb  weight -60 }",
                                   "track_proxy {\nsocket /run/x.sock\nbackend b/s1\ninterval 0.5\nfall 3\n}"),
                fails=("track_proxy { socket /run/x.sock }", "track_proxy { socket /a backend b weight 300 }",
                       "track_proxy { sock /a }",
                       "track_proxy { socket }")),
        Keyword("track_bfd", "{ <name> [weight <n>]... }", lambda line, draft: None, block=True, acts=Acts.IGNORED,
                instead="bidirectional forwarding detection is not part of pyproxy-ha: VRRP version 3 with a short advert_int "
                        "finds a dead peer as fast",
                loads=("track_bfd {\nx\n}",)),
    )
