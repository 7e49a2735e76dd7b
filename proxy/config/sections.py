"""Sections into drafts: every header, then every statement under it, through the keyword table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.config.defaults import derive
from proxy.config.diagnostics import Diagnostics
from proxy.config.drafts import GlobalDraft, ProxyDraft, ResolversDraft
from proxy.config.grammar import SECTION_KINDS
from proxy.config.keywords import (
    FAMILIES,
    GLOBAL_FAMILIES,
    GLOBAL_INDEX,
    PROXY_INDEX,
    RESOLVERS_FAMILIES,
    RESOLVERS_INDEX,
    find,
    names_of,
    sections_of,
)
from proxy.config.keywords.addresses import bind_addresses
from proxy.config.keywords.row import SECTION_OF_KIND, Keyword, Line, Refusal, Sections
from proxy.config.keywords.values import bad_name_character
from proxy.config.load_options import LoadOptions
from proxy.config.model import Bind, KeptSection
from proxy.config.statements import Section, Statement, Word
from proxy.config.suggest import did_you_mean, nearest

PATIENCE = 200          # alerts after which nothing is suggested any more: that file is no configuration
PROXY_KINDS = ("frontend", "backend", "listen")
KEPT_KINDS = {
    "userlist": "nobody is asked for a password by them",
    "peers": "nothing is shared with other processes",
    "mailers": "state changes are logged, not mailed",
    "cache": "nothing is cached",
    "ring": "log lines go to their targets at once",
    "program": "no program is started",
    "http-errors": "'errorfile' lines in proxies are acted on",
    "crt-store": "TLS is not spoken yet",
    "fcgi-app": "FastCGI is not spoken",
    "traces": "there are no traces",
    "acme": "TLS is not spoken yet",
}
UNSUPPORTED_KINDS = {"log-forward": "log lines of others are not forwarded"}
_ASK = "no keyword looks like it; pyproxy -dKall lists them all"
_NOT_NEGATABLE = (
    "negation/default currently supported only for options, log, busy-polling, set-dumpable, strict-limits, "
    "insecure-fork-wanted and "
    "numa-cpu-mapping."
)


@dataclass(slots=True)
class Drafts:
    """Everything read so far."""

    global_: GlobalDraft = field(default_factory=GlobalDraft)
    proxies: list[ProxyDraft] = field(default_factory=list)
    kept: list[KeptSection] = field(default_factory=list)
    resolvers: list[ResolversDraft] = field(default_factory=list)


class SectionReader:
    """Reads sections one after the other into `drafts`; what is wrong becomes diagnostics, and reading goes on."""

    def __init__(self, diagnostics: Diagnostics, options: LoadOptions, environment: Mapping[str, str]) -> None:
        self.drafts = Drafts()
        self.diagnostics = diagnostics
        self.options = options
        self.environment = environment
        self._latest_defaults: ProxyDraft | None = None
        self._defaults: dict[str, list[ProxyDraft]] = {}

    def read(self, sections: Iterable[Section]) -> Drafts:
        for section in sections:
            try:
                self._section(section)
            except Refusal as refusal:
                self._refused(refusal, section)
        return self.drafts

    # ---- headers ----

    def _section(self, section: Section) -> None:
        if section.kind == "global":
            if len(section.words) > 1:
                self._refused(
                    Refusal(f"'global' cannot handle unexpected argument '{section.words[1].text}'.", section.words[1]), section
                )
            self.drafts.global_.where = section.where
            self._statements(section, self.drafts.global_)
        elif section.kind == "defaults":
            self._defaults_section(section)
        elif section.kind in PROXY_KINDS:
            self._proxy_section(section)
        elif section.kind == "resolvers":
            self._resolvers_section(section)
        else:
            self._keep(section)

    def _defaults_section(self, section: Section) -> None:
        words = list(section.words[1:])
        base = self._base(section, words, None)
        name = words[0].text if words else ""
        draft = derive(base, "defaults", name, section.where)
        self._latest_defaults = draft
        self._defaults.setdefault(name, []).append(draft)
        self._statements(section, draft)

    def _proxy_section(self, section: Section) -> None:
        if not section.name:
            self._refused(Refusal(f"'{section.kind}' expects an <id> argument", section, f"{section.kind} <name>"), section)
            self._statements(section, derive(self._latest_defaults, section.kind, "", section.where))
            return
        name = section.words[1]
        bad = bad_name_character(name.text)
        if bad:
            self._refused(
                Refusal(f"character '{bad}' is not permitted in '{section.kind}' name '{name.text}'.", name,
                        "letters, digits, and . - _ :"), section
            )
        words = list(section.words[2:])
        draft = derive(self._base(section, words, self._latest_defaults), section.kind, name.text, section.where)
        if words:
            self._old_addresses(section, draft, words)
        self.drafts.proxies.append(draft)
        self._statements(section, draft)

    def _resolvers_section(self, section: Section) -> None:
        if not section.name:
            raise Refusal("missing name for resolvers section.", section, "resolvers <name>")
        bad = bad_name_character(section.name)
        if bad:
            raise Refusal(f"character '{bad}' is not permitted in 'resolvers' name '{section.name}'.", section.words[1],
                          "letters, digits, and . - _ :")
        first = next((draft for draft in self.drafts.resolvers if draft.name == section.name), None)
        if first is not None:
            raise Refusal(f"Parsing [{section.where}]: resolvers '{section.name}' has same name as another resolvers "
                          f"(declared at {first.where}).", section.words[1], "rename one of the two", parsing=False)
        draft = ResolversDraft(section.name, section.where)
        self.drafts.resolvers.append(draft)
        self._statements(section, draft)

    def _base(self, section: Section, words: list[Word], otherwise: ProxyDraft | None) -> ProxyDraft | None:
        """The defaults section that this header names with `from` (both words are taken out of `words`), or `otherwise`."""
        position = next((index for index, word in enumerate(words) if word.text == "from"), None)
        if position is None or position + 1 >= len(words):
            return otherwise
        wanted = words[position + 1]
        del words[position : position + 2]
        found = self._defaults.get(wanted.text, [])
        if not found:
            known = [name for name in self._defaults if name]
            self._refused(
                Refusal(
                    f"defaults section '{wanted.text}' not found for {section.kind} "
                    f"'{section.name if section.name != 'from' else ''}'.", wanted,
                    did_you_mean(wanted.text, known) or "a defaults section must stand before those who use it",
                ), section,
            )
            return otherwise
        if len(found) > 1:
            self._refused(
                Refusal(
                    f"ambiguous defaults section name '{wanted.text}' referenced by {section.kind} '{section.name}' exists at "
                    "least at "
                    f"{found[0].where} and {found[1].where}.", wanted,
                ), section,
            )
        return found[-1]

    def _old_addresses(self, section: Section, draft: ProxyDraft, words: list[Word]) -> None:
        """`listen NAME addr[,addr]`, as it was written until HAProxy 2.0."""
        text = words[0].text
        if section.kind == "backend":
            self.diagnostics.warning(words[0], f"'backend' takes a name only; '{text}' ignored", f"write: backend {draft.name}")
            return
        header = Statement(section.words, section.where)
        try:
            addresses = bind_addresses(self._line(header, section.kind, tuple(words), section.kind), 0, f"'{section.kind}'")
        except Refusal as refusal:
            refusal.hint = f"{section.kind} <name>, and bind lines below"
            self._refused(refusal, section)
            return
        if len(words) > 1:
            self._refused(Refusal(f"'{section.kind}' cannot handle unexpected argument '{words[1].text}'.", words[1]), section)
        self.diagnostics.warning(
            words[0], "please use the 'bind' keyword for listening addresses.",
            f"write: {section.kind} {draft.name}, and below it: bind {text}",
            section.kind,
        )
        draft.binds.extend(Bind(address, where=section.where) for address in addresses)

    def _keep(self, section: Section) -> None:
        if section.kind in UNSUPPORTED_KINDS:
            feature = f"section {section.kind}"
            raise Refusal(
                f"section '{section.kind}' is not supported by this version of pyproxy: {UNSUPPORTED_KINDS[section.kind]}",
                section, "", feature
            )
        if not section.name:
            raise Refusal(f"missing name for {section.kind} section.", section, f"{section.kind} <name>")
        if any(kept.kind == section.kind and kept.name == section.name for kept in self.drafts.kept):
            self.diagnostics.warning(section, f"ignoring duplicated {section.kind} '{section.name}'.")
            return
        self.diagnostics.warning(
            section, f"section '{section.kind} {section.name}' is not acted on by pyproxy yet; ignored",
            KEPT_KINDS.get(section.kind, ""),
            section.kind,
            f"section {section.kind}",
        )
        lines = tuple(tuple(word.text for word in statement.words) for statement in section.statements)
        self.drafts.kept.append(KeptSection(section.kind, section.name, lines, section.where))

    # ---- statements ----

    def _statements(self, section: Section, draft: GlobalDraft | ProxyDraft | ResolversDraft) -> None:
        for statement in section.statements:
            try:
                self._statement(statement, section.kind, draft)
            except Refusal as refusal:
                self._refused(refusal, statement)

    def _statement(self, statement: Statement, kind: str, draft: Any) -> None:
        words = statement.words
        prefix = words[0].text if words[0].text in ("no", "default") and len(words) > 1 else ""
        if prefix:
            words = words[1:]
        texts = [word.text for word in words]
        row, count = find({"global": GLOBAL_INDEX, "resolvers": RESOLVERS_INDEX}.get(kind, PROXY_INDEX), texts)
        if row is None:
            raise self._unknown(words, texts, kind, bool(prefix))
        if prefix and not row.negatable:
            name = row.words.removeprefix("option ")
            raise Refusal(
                f"negation/default is not supported for option '{name}'." if name != row.words else _NOT_NEGATABLE, statement,
                "remove the line: nothing is switched on before it is asked for",
            )
        line = self._line(statement, row.words, words[count:], kind)
        line.negated, line.reset = prefix == "no", prefix == "default"
        if SECTION_OF_KIND[kind] not in row.sections:
            self._elsewhere(row, line, draft)
            return
        if len(line.arguments) < row.least and not prefix:
            raise Refusal(row.missing or f"'{row.words}' expects {row.usage}.", statement, f"usage: {row.line_form}", row.feature)
        if row.most is not None and len(line.arguments) > row.most:
            extra = line.arguments[row.most]
            raise Refusal(f"'{row.words}' cannot handle unexpected argument '{extra.text}'.", extra, f"usage: {row.line_form}")
        try:
            row.read(line, draft)
        except Refusal as refusal:
            if not refusal.hint and not refusal.feature:
                refusal.hint = f"usage: {row.line_form}"
            raise

    def _line(self, statement: Statement, keyword: str, arguments: tuple[Word, ...], kind: str) -> Line:
        return Line(statement, keyword, arguments, kind, self.diagnostics, self.options, self.environment)

    def _elsewhere(self, row: Keyword[Any], line: Line, draft: ProxyDraft) -> None:
        """A keyword of proxies on the wrong side, or in defaults: HAProxy warns and goes on, save where it could not mean it."""
        first = line.keyword.split()[0]
        name = line.keyword if first in ("timeout", "stats", "capture") else first
        valid = f"'{line.keyword}' is valid in {_listed(row.sections)} sections, not in {draft.kind}"
        if draft.kind == "defaults":
            raise Refusal(f"'{name}' not allowed in 'defaults' section.", line.statement, valid)
        if row.elsewhere:
            text = row.elsewhere.format(kind=draft.kind, name=draft.name, keyword=first)
            raise Refusal(text, line.statement, valid)
        side = "frontend" if draft.kind == "backend" else "backend"
        title = f"{draft.kind} '{draft.name}' has no {side} capability"
        if first == "timeout":
            text = f"'{line.keyword}' will be ignored because {title}"
        elif first == "rate-limit":
            text = f"{line.keyword} will be ignored because {title}"
        else:
            other = {"maxconn": "fullconn", "fullconn": "maxconn"}.get(first)
            name = line.keyword.removeprefix("option ") if first == "option" else first
            text = f"'{name}' ignored because {title}." + (f" Maybe you want '{other}' instead ?" if other else "")
        self.diagnostics.warning(line.statement, text, valid, line.keyword)

    def _unknown(self, words: tuple[Word, ...], texts: list[str], kind: str, negated: bool) -> Refusal:
        names = names_of(kind) if len(self.diagnostics) < PATIENCE else []
        first, second = texts[0], texts[1] if len(texts) > 1 else ""
        at = words[1] if len(words) > 1 else words[0]
        family = {"global": GLOBAL_FAMILIES, "resolvers": RESOLVERS_FAMILIES}.get(kind, FAMILIES).get(first)
        if first == "option" and kind not in ("global", "resolvers"):
            options = [name.split(" ", 1)[1] for name in names if name.startswith("option ")]
            if not second:
                return Refusal("'option' expects an option name.", words[0], "for example: option httplog")
            if negated:
                return Refusal(f"negation/default is not supported for option '{second}'.", at,
                               did_you_mean(second, options) or _ASK)
            near = nearest(second, options, 1)
            tail = f"; did you mean '{near[0]}' maybe ?" if near else "."
            return Refusal(f"unknown option '{second}'{tail}", at, did_you_mean(second, options) or _ASK)
        if family is not None:
            seconds = [name.split(" ")[1] for name in names if name.startswith(first + " ")]
            return Refusal(family(second), at, did_you_mean(second, seconds) or _ASK)
        if negated:
            return Refusal(_NOT_NEGATABLE, words[0])
        firsts = list(dict.fromkeys((*(name.split(" ")[0] for name in names), *(SECTION_KINDS if names else ()))))
        near = nearest(first, firsts, 1)
        text = f"unknown keyword '{first}' in '{kind}' section" + (f"; did you mean '{near[0]}' maybe ?" if near else "")
        return Refusal(text, words[0], _elsewhere_hint(first, second, kind) or did_you_mean(first, firsts) or _ASK)

    def _refused(self, refusal: Refusal, at: Statement | Section) -> None:
        self.diagnostics.alert(
            refusal.at or at, refusal.message, refusal.hint, at.words[0].text, refusal.feature, parsing=refusal.parsing
        )


def _elsewhere_hint(first: str, second: str, kind: str) -> str:
    """Where the keyword would be valid."""
    for keyword in (f"{first} {second}" if second else first, first):
        kinds = [name for name in sections_of(keyword) if name != kind]
        if kinds:
            return f"'{keyword}' is valid in {_joined(kinds)} sections, not in {kind}"
    return ""


def _listed(sections: Sections) -> str:
    return _joined([kind for kind, section in SECTION_OF_KIND.items() if section in sections])


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


