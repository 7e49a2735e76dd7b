"""The statistics as a service: who may see them, under which URI, in which form."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest

from proxy.stats.service import StatsService


def make(lab: Any, process: Any, **settings: Any) -> StatsService:
    clock = lab.StoppedClock()
    return StatsService(process, lab.Settings(**settings), clock, lab.Actions(clock), proxy_name="admin")


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(("method", "target", "matches"), [
    ("GET", "/admin", True), ("HEAD", "/admin", True), ("POST", "/admin", True), ("PUT", "/admin", False),
    ("OPTIONS", "/admin", False), ("GET", "/adminfoo", True), ("GET", "/admin;csv", True), ("GET", "/admin?scope=a", True),
    ("GET", "/admi", False), ("GET", "/", False), ("GET", "http://example.com/admin", True), ("GET", "http://example.com", False),
    ("GET", "*", False), ("get", "/admin", False),
])
def test_matches(lab: Any, process: Any, method: str, target: str, matches: bool) -> None:
    assert make(lab, process).matches(method.encode(), target.encode()) is matches


def test_without_users_everybody_may_see(lab: Any, process: Any) -> None:
    assert make(lab, process).respond(lab.request("/admin")).status == 200


@pytest.mark.parametrize("authorization", [
    None, "", "Basic", "Basic !!!", "Bearer YWRtaW46YWRtaW4=", basic("admin"), basic("admin:"), basic("admin:admin2"),
    basic("admin:admin\n"), basic(":"), basic("Admin:admin"), basic("admin:admin\0"), "Basic ",
    "Basic\t" + basic("admin:admin")[6:], basic("admin:admin") + "=", basic("admin:admin") + " x",
    "basic" + basic("admin:admin")[6:],
    "Basic " + "A" * 60_000, "Basic " + "=" * 100, "Negotiate", basic("admin:admin") + ", " + basic("a:b"),
])
def test_wrong_credentials_are_refused(lab: Any, process: Any, authorization: str | None) -> None:
    service = make(lab, process, users=(("admin", "admin"),), realm="Haproxy Manager")
    fields = {} if authorization is None else {"authorization": authorization}
    response = service.respond(lab.request("/admin", **fields))
    assert response.status == 401
    assert dict(response.fields)[b"www-authenticate"] == b'Basic realm="Haproxy Manager"'
    assert response.body == (
        b"<html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n</body></html>\n"
    )


@pytest.mark.parametrize("credentials", ["admin:admin", "eve:se:cret", "zoë:pässword"])
def test_any_of_several_users_may_see(lab: Any, process: Any, credentials: str) -> None:
    service = make(lab, process, users=(("admin", "admin"), ("eve", "se:cret"), ("zoë", "pässword")))
    assert service.respond(lab.request("/admin", authorization=basic(credentials))).status == 200


def test_realm_cannot_end_its_quotes(lab: Any, process: Any) -> None:
    service = make(lab, process, users=(("a", "b"),), realm='say "hi"\\')
    assert dict(service.respond(lab.request("/admin")).fields)[b"www-authenticate"] == b'Basic realm="say \\"hi\\"\\\\"'


@pytest.mark.parametrize(("target", "type_"), [
    ("/admin", b"text/html"), ("/admin;csv", b"text/plain"), ("/admin;typed", b"text/plain"),
    ("/admin;json", b"application/json"),
    ("/admin;json-schema", b"application/json"), ("/admin;csv;norefresh", b"text/plain"), ("/admin;up;csv", b"text/plain"),
    ("/admin;csvx", b"text/plain"), ("/admin;CSV", b"text/html"), ("/admin?csv", b"text/html"), ("/admin/x;csv", b"text/plain"),
])
def test_form_is_chosen_by_suffix(lab: Any, process: Any, target: str, type_: bytes) -> None:
    response = make(lab, process).respond(lab.request(target))
    assert dict(response.fields)[b"content-type"] == type_
    assert dict(response.fields)[b"cache-control"] == b"no-cache"


@pytest.mark.parametrize(("target", "refresh"), [
    ("/admin", b"30"), ("/admin;csv", b"30"), ("/admin;json-schema", b"30"), ("/admin;norefresh", None),
    ("/admin;csv;norefresh", None), ("/admin;json;compact", None),
])
def test_refresh(lab: Any, process: Any, target: str, refresh: bytes | None) -> None:
    response = make(lab, process, refresh_s=30).respond(lab.request(target))
    assert dict(response.fields).get(b"refresh") == refresh


def names(text: str) -> list[str]:
    return [",".join(line.split(",")[:2]) for line in text.splitlines()[1:]]


def test_up_hides_servers_that_are_down_and_tells_how_many_are_not(lab: Any, process: Any) -> None:
    text = lab.fetch(make(lab, process), "/admin;csv;up?scope=app")
    assert names(text) == ["app,s1", "app,s2", "app,b1", "app,BACKEND"]
    assert text.splitlines()[-1].split(",")[17] == "UP (3/4)"


def test_no_maint_hides_only_maintenance(lab: Any, process: Any) -> None:
    service = make(lab, process)
    assert names(lab.fetch(service, "/admin;csv;no-maint;scope=tcp1")) == ["tcp1,FRONTEND", "tcp1,t1", "tcp1,BACKEND"]
    assert "app,s3" in names(lab.fetch(service, "/admin;csv;no-maint"))


def test_scope_text_filters_by_part_of_the_name(lab: Any, process: Any) -> None:
    shown = names(lab.fetch(make(lab, process), "/admin;csv?scope=c"))
    assert {line.partition(",")[0] for line in shown} == {"tcp1"}
    assert names(lab.fetch(make(lab, process), "/admin;csv?scope=%61pp"))[-1] == "app,BACKEND"


@pytest.mark.parametrize(("scopes", "proxies"), [
    ((".",), {"admin"}), (("app", "rw"), {"app", "rw"}), ((".", "web"), {"admin", "web"}),
])
def test_configured_scopes_bound_what_is_shown(lab: Any, process: Any, scopes: tuple[str, ...], proxies: set[str]) -> None:
    shown = names(lab.fetch(make(lab, process, scopes=scopes), "/admin;csv"))
    assert {line.partition(",")[0] for line in shown} == proxies


def test_legends_are_kept_back_unless_configured(lab: Any, process: Any) -> None:
    with_legends = lab.fetch(make(lab, process, show_legends=True), "/admin;csv")
    without = lab.fetch(make(lab, process, show_legends=False), "/admin;csv")
    assert "127.0.0.1:24101,c1" in with_legends
    assert "127.0.0.1" not in without
    assert "roundrobin" not in without


def test_listeners_are_shown_with_socket_stats(lab: Any, process: Any) -> None:
    process.frontend("web").options = frozenset({"socket-stats"})
    assert names(lab.fetch(make(lab, process), "/admin;csv?scope=web")) == ["web,FRONTEND", "web,sock-1"]


def test_disabled_proxies_are_not_shown(lab: Any, process: Any) -> None:
    process.frontend("web").disabled = True
    assert not any(name.startswith("web") for name in names(lab.fetch(make(lab, process), "/admin;csv")))


def test_json_holds_what_the_csv_holds(lab: Any, process: Any) -> None:
    service = make(lab, process)
    rows = json.loads(lab.fetch(service, "/admin;json"))
    lines = lab.fetch(service, "/admin;csv").splitlines()
    columns = lines[0].removeprefix("# ").rstrip(",").split(",")
    assert len(rows) == len(lines) - 1
    for row, line in zip(rows, lines[1:], strict=True):
        filled = {name: value for name, value in zip(columns, line.split(","), strict=False) if value and name != "-"}
        assert {item["field"]["name"]: str(item["value"]["value"]) for item in row if item["value"]["value"] != ""} == filled
    assert rows[0][0] == {
        "objType": "Frontend", "proxyId": 2, "id": 0, "field": {"pos": 0, "name": "pxname"}, "processNum": 1,
        "tags": {"origin": "Key", "nature": "Name", "scope": "Service"}, "value": {"type": "str", "value": "admin"},
    }


def test_json_of_nothing_is_an_empty_array(lab: Any, process: Any) -> None:
    assert lab.fetch(make(lab, process), "/admin;json?scope=nowhere") == "[]"


def test_schema_is_json(lab: Any, process: Any) -> None:
    schema = json.loads(lab.fetch(make(lab, process), "/admin;json-schema"))
    assert schema["definitions"]["processNum"] == {"type": "integer", "minimum": 1}


def test_typed_lines(lab: Any, process: Any) -> None:
    lines = lab.fetch(make(lab, process), "/admin;typed").splitlines()
    assert lines[0] == "F.2.0.0.pxname.1:KNS:str:admin"
    assert "S.4.1.19.act.1:SGP:u32:1" in lines
    assert "B.4.0.19.act.1:MGP:u32:2" in lines
    assert "S.4.1.36.check_status.1:MOP:str:L7OK" in lines
    assert "F.2.0.119.h1_open_connections.1:MGP:u64:0" in lines       # the "-" column takes no number here


def test_large_documents_come_in_pieces(lab: Any, process: Any) -> None:
    backend = process.backend("app")
    for number in range(200):
        lab.add_server(backend, f"n{number}", 1000 + number)
    for target in ("/admin;csv", "/admin;json", "/admin;typed", "/admin", "/admin;json;compact"):
        body = make(lab, process).respond(lab.request(target)).body
        pieces = list(body)
        assert len(pieces) > 4, target
        assert all(pieces), target                  # an empty chunk would end the body


# -- the admin form --------------------------------------------------------------------------------------------------------


def post(lab: Any, service: StatsService, body: str, target: str = "/admin", **more: Any) -> str:
    response = service.respond(lab.request(target, method="POST", body=body.encode(), **more))
    assert response.status == 303
    assert response.body == b""
    return dict(response.fields)[b"location"].decode()


@pytest.mark.parametrize(("body", "code"), [
    ("s=s1&b=%234&action=maint", "DONE"), ("s=s1&b=app&action=maint", "DONE"), ("action=drain&b=app&s=s1&s=s2", "DONE"),
    ("s=s1&foo=1&b=app&action=ready", "DONE"), ("", "NONE"), ("s=s1&b=app", "NONE"), ("b=app&action=ready", "NONE"),
    ("s=s1;b=app;action=ready", "NONE"), ("s=zzz&b=app&action=ready", "ERRP"), ("s=s1&s=zzz&b=app&action=maint", "PART"),
    ("s=s1&b=nope&action=ready", "ERRP"), ("s=s1&b=app&action=bogus", "ERRP"), ("s=s1&b=%23x&action=ready", "ERRP"),
    ("s=s1&b=%23%2b4&action=ready", "ERRP"), ("s=s1&b=app&action=dagent", "NONE"), ("s=b1&b=app&action=dhlth", "NONE"),
    ("s=s1&b=app&action=dhlth", "DONE"), ("s=s1&b=app&action=hdown", "DONE"), ("s=s1&b=app&action=shutdown", "DONE"),
])
def test_form_gives_haproxys_code(lab: Any, process: Any, body: str, code: str) -> None:
    assert post(lab, make(lab, process, admin_if="TRUE"), body) == f"/admin;st={code}"


def test_form_changes_the_server(lab: Any, process: Any) -> None:
    service = make(lab, process, admin_if="TRUE")
    post(lab, service, "s=s1&b=app&action=maint")
    assert "app,s1" in lab.fetch(service, "/admin;csv")
    assert process.server("app", "s1").in_maintenance
    post(lab, service, "s=s1&b=app&action=ready")
    assert not process.server("app", "s1").in_maintenance


def test_form_ends_sessions(lab: Any, process: Any) -> None:
    clock = lab.StoppedClock()
    actions = lab.Actions(clock)
    service = StatsService(process, lab.Settings(admin_if="TRUE"), clock, actions)
    post(lab, service, "s=s1&s=b1&b=app&action=shutdown")
    assert actions.shut == ["s1", "b1"]


def test_form_leaves_a_tracking_servers_health_alone(lab: Any, process: Any) -> None:
    process.server("app", "b1").track = process.server("app", "s1")
    assert post(lab, make(lab, process, admin_if="TRUE"), "s=b1&b=app&action=hdown").endswith("st=NONE")


def test_location_keeps_the_options(lab: Any, process: Any) -> None:
    service = make(lab, process, admin_if="TRUE")
    location = post(lab, service, "s=s1&b=app&action=maint", target="/admin;norefresh;up;st=DENY;scope=a%20%0d%0a")
    assert location == "/admin;st=DONE;up;norefresh?scope=a%20%0D%0A"


@pytest.mark.parametrize(("admin_if", "client", "code"), [
    ("", "127.0.0.1", "DENY"), ("TRUE", "192.0.2.1", "DONE"), ("LOCALHOST", "127.0.0.1", "DONE"), ("LOCALHOST", "::1", "DONE"),
    ("LOCALHOST", "192.0.2.1", "DENY"), ("LOCALHOST", "1270.0.0.1", "DENY"),
])
def test_who_may_administrate(lab: Any, process: Any, admin_if: str, client: str, code: str) -> None:
    service = make(lab, process, admin_if=admin_if)
    assert post(lab, service, "s=s1&b=app&action=maint", client=client) == f"/admin;st={code}"
    assert process.server("app", "s1").in_maintenance is (code == "DONE")


HERE = {"host": "lb.example:8404"}
ORIGINS = [
    ({}, "DONE"), (HERE, "DONE"),
    ({**HERE, "sec_fetch_site": "same-origin"}, "DONE"), ({**HERE, "sec_fetch_site": "none"}, "DONE"),
    ({**HERE, "sec_fetch_site": "cross-site"}, "DENY"), ({**HERE, "sec_fetch_site": "same-site"}, "DENY"),
    ({**HERE, "sec_fetch_site": ""}, "DENY"), ({**HERE, "sec_fetch_site": "Same-Origin"}, "DENY"),
    ({**HERE, "sec_fetch_site": "same-origin", "origin": "https://lb.example"}, "DONE"),     # Host rewritten on the way
    ({**HERE, "sec_fetch_site": "cross-site", "origin": "http://lb.example:8404"}, "DENY"),
    ({**HERE, "origin": "http://lb.example:8404"}, "DONE"), ({**HERE, "origin": "https://LB.example:8404"}, "DONE"),
    ({**HERE, "origin": "http://lb.example"}, "DENY"), ({**HERE, "origin": "http://evil.example:8404"}, "DENY"),
    ({**HERE, "origin": "null"}, "DENY"), ({**HERE, "origin": ""}, "DENY"), ({**HERE, "origin": "lb.example:8404"}, "DENY"),
    ({**HERE, "origin": "ftp://lb.example:8404"}, "DENY"), ({**HERE, "origin": "http://lb.example:8404.evil.example"}, "DENY"),
    ({**HERE, "origin": "http://evil@lb.example:8404"}, "DENY"),
    ({"host": "lb.example", "origin": "http://lb.example"}, "DONE"),
    ({"host": "lb.example:80", "origin": "http://lb.example"}, "DONE"),
    ({"host": "lb.example", "origin": "https://lb.example:443"}, "DONE"),
    ({"host": "lb.example:80", "origin": "https://lb.example"}, "DENY"),
    ({"host": "[::1]:80", "origin": "http://[::1]"}, "DONE"), ({"host": "[::1]", "origin": "http://[::2]"}, "DENY"),
    ({"origin": "http://lb.example"}, "DENY"),
]


@pytest.mark.parametrize(("fields", "code"), ORIGINS)
def test_only_this_pages_forms_are_taken(lab: Any, process: Any, fields: dict[str, str], code: str) -> None:
    service = make(lab, process, admin_if="TRUE")
    assert post(lab, service, "s=s1&b=app&action=maint", **fields).endswith(f"st={code}")
    assert process.server("app", "s1").in_maintenance is (code == "DONE")


@pytest.mark.parametrize(("name", "values"), [
    (b"origin", (b"http://lb.example", b"http://evil.example")), (b"origin", (b"http://lb.example", b"http://lb.example")),
    (b"sec-fetch-site", (b"same-origin", b"cross-site")), (b"host", (b"lb.example", b"evil.example")),
])
def test_a_form_that_names_two_origins_is_denied(lab: Any, process: Any, name: bytes, values: tuple[bytes, ...]) -> None:
    fields = [(b"host", b"lb.example"), (b"origin", b"http://lb.example")]
    fields = [field for field in fields if field[0] != name] + [(name, value) for value in values]
    request = lab.ServiceRequest(b"POST", b"/admin", 1, tuple(fields), b"s=s1&b=app&action=maint", "127.0.0.1")
    assert dict(make(lab, process, admin_if="TRUE").respond(request).fields)[b"location"] == b"/admin;st=DENY"


def test_a_form_from_another_site_is_denied_before_its_body_is_looked_at(lab: Any, process: Any) -> None:
    fields = ((b"sec-fetch-site", b"cross-site"),)
    request = lab.ServiceRequest(b"POST", b"/admin", 1, fields, None, "127.0.0.1", "too-large")
    assert dict(make(lab, process, admin_if="TRUE").respond(request).fields)[b"location"] == b"/admin;st=DENY"


def test_credentials_come_before_everything(lab: Any, process: Any) -> None:
    service = make(lab, process, admin_if="TRUE", users=(("admin", "secret"),))
    response = service.respond(lab.request("/admin", method="POST", body=b"s=s1&b=app&action=maint"))
    assert response.status == 401
    assert not process.server("app", "s1").in_maintenance


@pytest.mark.parametrize("target", [
    "/admin", "/admin;csv", "/admin;typed", "/admin;json", "/admin;json-schema", "/admin;json;compact",
])
def test_no_document_is_taken_for_what_it_is_not(lab: Any, process: Any, target: str) -> None:
    assert dict(make(lab, process).respond(lab.request(target)).fields)[b"x-content-type-options"] == b"nosniff"


def test_the_page_stands_in_no_frame(lab: Any, process: Any) -> None:
    fields = dict(make(lab, process, admin_if="TRUE").respond(lab.request("/admin")).fields)
    assert fields[b"x-frame-options"] == b"DENY"
    assert b"frame-ancestors 'none'" in fields[b"content-security-policy"]
    assert fields[b"referrer-policy"] == b"same-origin"


@pytest.mark.parametrize(("error", "code"), [("too-large", "EXCD")])
def test_a_body_that_cannot_be_read(lab: Any, process: Any, error: str, code: str) -> None:
    service = make(lab, process, admin_if="TRUE")
    request = lab.ServiceRequest(b"POST", b"/admin", 1, (), None, "127.0.0.1", error)
    assert dict(service.respond(request).fields)[b"location"] == f"/admin;st={code}".encode()


def test_form_cannot_reach_beyond_the_scope(lab: Any, process: Any) -> None:
    service = make(lab, process, admin_if="TRUE", scopes=("rw",))
    assert post(lab, service, "s=s1&b=app&action=maint").endswith("st=ERRP")
    assert post(lab, service, "s=s1&b=rw&action=maint").endswith("st=DONE")


def test_passwords_are_compared_as_digests_of_one_length(lab: Any, process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each user's, whoever is asked for: neither the names nor the lengths of what is kept make a difference."""
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((len(left), len(right)))
        return real(left, right)

    service = make(lab, process, users=(("admin", "a" * 100), ("eve", ""), ("x", "y")))
    monkeypatch.setattr(hmac, "compare_digest", compare)
    for credentials in ("admin:" + "a" * 100, "eve:", "x:y", "nobody:" + "z" * 1000, ""):
        service.respond(lab.request("/admin", authorization=basic(credentials)))
    assert compared == [(32, 32)] * 15
