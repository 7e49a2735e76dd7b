"""The keyword table of keepalived.conf: one row per keyword, by the block it may stand in.

Parsing, validation, defaults, suggestions and the tests' examples read these rows. Adding a keyword touches one family's module;
adding a kind of block, one line here.
"""

from __future__ import annotations

from proxy.ha.conf.keywords import checks, global_, groups, instance, tracking, virtual_server
from proxy.ha.conf.keywords.addresses import reads_addresses
from proxy.ha.conf.keywords.routes import reads_routes, reads_rules
from proxy.ha.conf.keywords.row import Acts, Draft, Keyword, Line, Read, Refusal, Table, nothing, read_entries


def _named(kind: str, table: Table, *, named: bool = True) -> Read:
    """A top-level block that becomes one draft of its kind."""

    def read(line: Line, draft: Draft) -> None:
        if named and not line.arguments:
            raise Refusal(f"'{line.keyword}' needs a name", None, f"write: {line.keyword} NAME {{ … }}")
        block = Draft(line.where, line.text(0))
        read_entries(line.entries, table, block, line.diagnostics)
        draft.add(kind, block)

    return read


def _global(line: Line, draft: Draft) -> None:
    read_entries(line.entries, global_.TABLE, draft.values.setdefault("global", Draft(line.where)), line.diagnostics)


def _virtual_server(line: Line, draft: Draft) -> None:
    server = Draft(line.where)
    virtual_server.read_header(line, server)
    read_entries(line.entries, virtual_server.TABLE, server, line.diagnostics)
    draft.add("virtual_servers", server)


def _virtual_server_group(line: Line, draft: Draft) -> None:
    if not line.arguments:
        raise Refusal("'virtual_server_group' needs a name", None, "write: virtual_server_group NAME { … }")
    group = Draft(line.where, line.text(0))
    virtual_server.read_group(line, group)
    draft.add("virtual_server_groups", group)


def _on_global(row: Keyword) -> Keyword:
    """A statement outside any block, which sets a field of `global_defs`."""

    def read(line: Line, draft: Draft) -> None:
        row.read(line, draft.values.setdefault("global", Draft(line.where)))

    return Keyword(row.word, row.usage, read, row.default, row.least, row.most, row.block, row.acts, row.instead, row.loads,
                   row.fails)


def _block(word: str, kind: str, table: Table, *, named: bool = True, loads: tuple[str, ...] = (), fails: tuple[str, ...] = (),
           acts: Acts = Acts.YES, instead: str = "") -> Keyword:
    return Keyword(word, "<name> { … }" if named else "{ … }", _named(kind, table, named=named), most=1 if named else 0,
                   block=True, acts=acts,
                   instead=instead, loads=loads, fails=(*fails, f"{word} x\n" if not named else f"{word} {{\n}}"))


STATIC = "static addresses, routes and rules are put back when somebody removes them"
_INSTANCE = "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 192.0.2.1 }\n}"
_OTHER = _INSTANCE.replace(" V ", " W ").replace("_id 1", "_id 2")
_PROCESS = "vrrp_track_process p {\nprocess nginx\n}"
_FILE = "track_file f {\nfile /run/f\n}"

TOP_ROWS: tuple[Keyword, ...] = (
    *(_on_global(row) for row in global_.TOP_ROWS),
    Keyword("global_defs", "{ … }", _global, most=0, block=True, loads=("global_defs {\nrouter_id x\n}",),
            fails=("global_defs", "global_defs x {\n}")),
    _block("vrrp_script", "scripts", tracking.SCRIPT, loads=('vrrp_script s {\nscript "/bin/true"\n}',),
           fails=("vrrp_script s {\n}",)),
    _block("vrrp_track_process", "track_processes", tracking.PROCESS, loads=(_PROCESS,), fails=("vrrp_track_process p {\n}",)),
    _block("track_file", "track_files", tracking.FILE, loads=(_FILE,), fails=("track_file f {\n}",)),
    _block("vrrp_track_file", "track_files", tracking.FILE, acts=Acts.OLD, instead="track_file", loads=(f"vrrp_{_FILE}",)),
    _block("vrrp_sync_group", "sync_groups", groups.SYNC,
           loads=("vrrp_sync_group G {\ngroup { V W }\n}\n" + _INSTANCE + "\n" + _OTHER,),
           fails=("vrrp_sync_group G {\n}", "vrrp_sync_group G {\ngroup { nobody }\n}")),
    _block("garp_group", "garp_groups", groups.GARP, named=False, loads=("garp_group {\ninterface eth0\ngarp_interval 1\n}",),
           fails=("garp_group {\ngarp_interval 1\n}",)),
    Keyword("track_group", "<name> { … }", nothing, most=1, block=True, acts=Acts.IGNORED, instead=STATIC,
            loads=("track_group T {\ngroup { V }\n}",)),
    groups.DELAYS, groups.LINKBEAT,
    _block("vrrp_instance", "instances", instance.TABLE, loads=(_INSTANCE,),
           fails=("vrrp_instance V {\n}", _INSTANCE + "\n" + _INSTANCE)),
    Keyword("static_ipaddress", "{ <address>[/<prefix>] … }", reads_addresses("static_addresses"), block=True,
            loads=("static_ipaddress {\n192.0.2.1/24 dev eth0 scope global\n}",), fails=("static_ipaddress {\nx\n}",)),
    Keyword("static_routes", "{ <network> via <address> … }", reads_routes("static_routes"), block=True,
            loads=("static_routes {\n192.0.2.0/24 via 198.51.100.1 dev eth0\n}",), fails=("static_routes {\nx\n}",)),
    Keyword("static_rules", "{ from <network> table <t> … }", reads_rules("static_rules"), block=True,
            loads=("static_rules {\nfrom 192.0.2.0/24 table 1 preference 5\n}",), fails=("static_rules {\nx\n}",)),
    Keyword("virtual_server_group", "<name> { … }", _virtual_server_group, most=1, block=True, loads=virtual_server.GROUP_LOADS,
            fails=virtual_server.GROUP_FAILS),
    Keyword("virtual_server", "<address> [<port>] | fwmark <n> | group <name> { … }", _virtual_server, least=1, block=True,
            loads=("virtual_server 192.0.2.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 192.0.2.2 80 {\n}\n}",
                   "virtual_server fwmark 5 {\nprotocol TCP\nlb_algo rr\nlb_kind DR\nreal_server 192.0.2.2 0 {\n}\n}",
                   "virtual_server_group G {\n192.0.2.1 80\n}\nvirtual_server group G {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n"
                   "real_server 192.0.2.2 80 {\n}\n}"),
            fails=("virtual_server {\n}", "virtual_server host 80 {\n}", "virtual_server 192.0.2.1 80",
                   "virtual_server fwmark {\n}",
                   "virtual_server fwmark 5 {\nprotocol TCP\nlb_algo rr\nlb_kind DR\nreal_server 192.0.2.2 80 {\n}\n}",
                   "virtual_server group G {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n}",
                   "virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\n}",
                   "virtual_server 192.0.2.1 80 {\nprotocol TCP\nlb_kind NAT\n}",
                   "virtual_server 192.0.2.1 80 {\nprotocol TCP\nlb_algo rr\n}")),
    _block("SSL", "tls", virtual_server.TLS, named=False, loads=("SSL {\nca /etc/ca.pem\n}",)),
    Keyword("bfd_instance", "<name> { … }", nothing, most=1, block=True, acts=Acts.IGNORED,
            instead="bidirectional forwarding detection is not part of pyproxy-ha: VRRP version 3 with a short advert_int finds "
                    "a dead peer as fast",
            loads=("bfd_instance b {\nneighbor_ip 192.0.2.2\n}",)),
)
TOP = Table("", TOP_ROWS, "{}")

TABLES: tuple[Table, ...] = (
    TOP, global_.TABLE, tracking.SCRIPT, tracking.PROCESS, tracking.FILE, groups.SYNC, groups.GARP, instance.TABLE,
    instance.AUTHENTICATION,
    virtual_server.TABLE, virtual_server.REAL, virtual_server.TLS, checks.URL, checks.HOST,
    *dict.fromkeys(checks.TABLES.values()),
)
