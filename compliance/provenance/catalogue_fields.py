"""What each key of ``systems.yaml`` may hold: one rule a key, each with its remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
import yaml

from compliance.provenance.connectors import TABLE as CONNECTORS
from compliance.provenance.yaml_nodes import line_of, plain
from compliance.rules.terms import ArtifactKind, EntityRole, IdentifierKind, Law, Term

LAWFUL_BASES = (
    *("consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"),
    *("research", "legal_proceedings", "health_protection", "credit_protection"),  # LGPD Art. 7 IV, VI, VIII, X
)
# Beside what a connector reads: identity and identity_fields (a source that teaches a person's other identifiers),
# training (rows with prompt and response that a model learned), training_rows and controls (a model's, by artifact id).
_ROLES = ("identity", "identity_fields", "training")
_FILES = ("format", "delimiter", "record", "max_record_bytes", "max_decoded_bytes")
_TABLE = ("null_fields", "references")
_VECTOR = ("vector_field", "text_field", "embedder")
OPTIONS: dict[str, tuple[str, ...]] = {
    "files": (*_FILES, "index", "on_mention", *_ROLES),
    "objects": (*_FILES, "endpoint_url", "on_mention", *_ROLES),
    "sql": ("table", "schema", *_TABLE, *_VECTOR, "on_mention", *_ROLES),
    "vector_index": ("store", "embedder", "on_mention"),
    "model": ("training_rows", "controls"),
    "table_model": ("training_rows",),
    "classifier": ("training_rows", "budget_seconds", "references", "renew_folds"),
    "images": ("people", "ids", "person"),
    "duckdb": ("table", "schema", "on_mention", *_ROLES),
    "delta": ("on_mention", *_ROLES),
    "iceberg": ("table", "catalog", "catalog_name", "warehouse", "on_mention", *_ROLES),
    "lancedb": ("table", *_VECTOR, "on_mention", *_ROLES),
    "qdrant": ("collection", "text_field", "embedder", "api_key_variable", "on_mention"),
    "chroma": ("collection", "text_field", "embedder", "on_mention"),
    "redis": ("match", "on_mention", *_ROLES),
    "mlflow": ("on_mention",),
}
# What a connector cannot do without: options, and key_field, which names a row for good.
NEEDED: dict[str, tuple[str, ...]] = {
    "sql": ("table", "key_field"),
    "duckdb": ("table", "key_field"),
    "delta": ("key_field",),
    "iceberg": ("table", "key_field"),
    "lancedb": ("table", "key_field"),
    "qdrant": ("collection",),
    "chroma": ("collection",),
}
_ADDRESSES: dict[str, tuple[str, ...]] = {
    "sql": ("sqlite", "postgresql", "mysql", "mariadb"),
    "iceberg": ("sqlite", "postgresql", "http", "https"),
    "redis": ("redis", "rediss", "unix"),
    "objects": ("s3", "gs", "abfs", "az"),
    "qdrant": ("http", "https"),
}
_PATHS_TOO = ("qdrant",)  # a folder as well as a server's address
_DURATION = re.compile(r"\d+ (day|week|month|year)s?( after .+)?|while .+|until .+")
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PASSWORD = re.compile(r"://[^/@:]*:(?!\$\{)[^/@]+@")


class Wrong(Exception):
    """A value that cannot be used: what is wrong, and what to write instead."""

    def __init__(self, what: str, remedy: str, line: int = 0) -> None:
        self.what, self.remedy, self.line = what, remedy, line
        super().__init__(what)


@dataclass(frozen=True)
class Rule:
    """How a key's value is read; ``attribute`` when the dataclass has another name for it."""

    read: Callable[[yaml.Node], Any]
    required: bool = False
    remedy: str = ""
    attribute: str = ""


def nearest(name: str, known: Collection[str]) -> str:
    """A remedy that proposes the likeliest name, or lists those that exist."""
    close = get_close_matches(name, list(known), n=1)
    return (
        f"Did you mean {close[0]!r}?" if close else f"Use one of: {', '.join(sorted(known)) or '(none is declared)'}."
    )


def text(node: yaml.Node) -> str:
    """A text as it stands, so that NO stays Norway and a date stays a date; never empty."""
    if not isinstance(node, yaml.ScalarNode):
        raise Wrong("one text is wanted, not a list or mapping.", "Write one value.")
    if not node.value.strip() or node.tag.endswith(":null"):
        raise Wrong("is empty.", "Write a value, or leave the key out if it is optional.")
    return str(node.value).strip()


def texts(node: yaml.Node) -> tuple[str, ...]:
    """A list of texts; one text counts as a list of one."""
    return tuple(text(item) for item in node.value) if isinstance(node, yaml.SequenceNode) else (text(node),)


def some_texts(node: yaml.Node) -> tuple[str, ...]:
    """A list of texts that is not empty."""
    found = texts(node)
    if not found:
        raise Wrong("is an empty list.", "Name at least one.")
    return found


def identifier(node: yaml.Node) -> str:
    """A short name for use in other entries and addresses."""
    found = text(node)
    if not _IDENTIFIER.fullmatch(found):
        raise Wrong(f"{found!r} is no id.", "Use small letters, digits, - and _, at most 63.")
    return found


def term(terms: type[Term]) -> Callable[[yaml.Node], Any]:
    """One member of a list of words."""

    def read(node: yaml.Node) -> Term:
        found = text(node)
        try:
            return terms(found)
        except ValueError:
            raise Wrong(f"{found!r} is not known.", nearest(found, [member.value for member in terms])) from None

    return read


def laws(node: yaml.Node) -> tuple[Law, ...]:
    """At least one law."""
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not items:
        raise Wrong("is an empty list.", nearest("", [member.value for member in Law]))
    return tuple(term(Law)(item) for item in items)


def one_of(known: Collection[str]) -> Callable[[yaml.Node], str]:
    """One of some words."""

    def read(node: yaml.Node) -> str:
        found = text(node)
        if found not in known:
            raise Wrong(f"{found!r} is not known.", nearest(found, known))
        return found

    return read


def country(node: yaml.Node) -> str:
    """Two capital letters of ISO 3166."""
    found = text(node)
    if found not in phonenumbers.SUPPORTED_REGIONS:
        raise Wrong(f"{found!r} is no country.", "Write the two capital letters of ISO 3166, such as DE or BR.")
    return found


def time_zone(node: yaml.Node) -> str:
    """A zone of the tz database."""
    found = text(node)
    if found not in available_timezones():
        raise Wrong(f"{found!r} is no time zone.", nearest(found, available_timezones())[:120])
    return found


def address(node: yaml.Node) -> str:
    """An e-mail address; the message does not repeat it."""
    found = text(node)
    if not _MAIL.fullmatch(found):
        raise Wrong(
            "is no e-mail address.", "Write the privacy contact's address, such as privacy@your-company.example."
        )
    return found


def retention(node: yaml.Node) -> str:
    """How long: a number of days, weeks, months or years, if need be after an event, or ``while``/``until`` one."""
    found = text(node)
    if not _DURATION.fullmatch(found):
        raise Wrong(f"{found!r} is no retention.", "Write '90 days', '3 years after contract end' or 'while …'.")
    return found


def moment(node: yaml.Node) -> str:
    """A date or time of ISO 8601."""
    found = text(node)
    try:
        datetime.fromisoformat(found)
    except ValueError:
        raise Wrong(f"{found!r} is no date.", "Write it as 2026-03-05 or 2026-03-05T10:00:00+01:00.") from None
    return found


def options(node: yaml.Node) -> dict[str, Any]:
    """Settings of the connector."""
    if not isinstance(node, yaml.MappingNode):
        raise Wrong("is a mapping of keys and values.", "Write each option on a line of its own.")
    try:
        return {str(name): value for name, value in plain(node).items()}
    except yaml.YAMLError:
        raise Wrong("cannot be read.", "Use plain texts and numbers.", line_of(node)) from None


def check_options(values: Mapping[str, Any]) -> None:
    """What a connector needs and knows."""
    connector, given = values.get("connector"), values.get("options") or {}
    known = OPTIONS.get(str(connector))
    if known is None:
        return
    for name in given:
        if name not in known:
            raise Wrong(f"options: connector {connector!r} has no option {name!r}.", nearest(name, known))
    if given.get("on_mention", "redact") not in ("redact", "erase"):
        raise Wrong("options: on_mention is unknown.", "Write redact (blank the person) or erase (drop the record).")
    _check_roles(given)
    for name in NEEDED.get(str(connector), ()):
        if not (values.get("key_field") if name == "key_field" else given.get(name)):
            where = name if name == "key_field" else f"options.{name}"
            raise Wrong(f"connector {connector} needs {where}.", "Name the table or collection, and its unique column.")


def _check_roles(given: Mapping[str, Any]) -> None:
    for name in ("identity", "training", "index"):
        if name in given and not isinstance(given[name], bool):
            raise Wrong(f"options: {name} is true or false.", f"Write {name}: true, or leave it out.")
    kinds = given.get("identity_fields", {})
    if bool(given.get("identity")) != bool(kinds):
        raise Wrong("options: identity and identity_fields belong together.", "Write both.")
    if not isinstance(kinds, dict):
        raise Wrong("options: identity_fields is a mapping.", "Write {field: kind}, such as {mail: email}.")
    known = [kind.value for kind in IdentifierKind]
    for kind in kinds.values():
        if kind not in known:
            raise Wrong(f"options: identity_fields names an unknown kind {kind!r}.", nearest(str(kind), known))


def resolved(connector: str, location: str, folder: Path) -> str:
    """The location, made absolute from the file's own folder, which a relative one may not leave."""
    if connector in _ADDRESSES and ("://" in location or "${" in location or connector not in _PATHS_TOO):
        return _resolved_address(connector, location, folder)
    if "://" in location:
        raise Wrong(
            f"location: connector {connector!r} reads paths, not addresses.", "Write a path, or connector: sql."
        )
    return str(_inside(location, folder))


def _resolved_address(connector: str, location: str, folder: Path) -> str:
    if _PASSWORD.search(location):
        raise Wrong("location: holds a password.", "Write ${NAME} there and set NAME in the worker's environment.")
    scheme, mark, path = location.partition(":///")
    known = _ADDRESSES[connector]
    if not location.startswith("${") and re.split(r"[+:]", location)[0] not in known:
        raise Wrong(
            f"location: no address that connector {connector!r} knows.",
            f"Begin it with one of {', '.join(known)}, such as scheme://user:${{PASSWORD}}@host/name.",
        )
    if scheme != "sqlite" or not mark or "${" in path:
        return location
    return f"sqlite:///{_inside(path, folder)}"


def _inside(location: str, folder: Path) -> Path:
    if "\x00" in location:
        raise Wrong("location: holds a zero byte.", "Remove it.")
    path = Path(location)
    if path.is_absolute():
        return path
    if not (folder / path).resolve().is_relative_to(folder):
        raise Wrong("location: leaves the folder of this file.", "Write an absolute path if that is meant.")
    return folder / path


TOP: Mapping[str, Rule] = {
    "entities": Rule(lambda node: node, required=True, remedy="Add entities: with at least one legal entity."),
    "artifacts": Rule(lambda node: node, required=True, remedy="Add artifacts: with the places where people are kept."),
    "derivations": Rule(lambda node: node),
}
ENTITY: Mapping[str, Rule] = {
    "id": Rule(identifier, required=True),
    "name": Rule(text, required=True),
    "law": Rule(laws, required=True, remedy="Add law: [gdpr], [lgpd], …"),
    "country": Rule(country, required=True),
    "subdivision": Rule(text),
    "time_zone": Rule(time_zone, required=True, remedy="Add time_zone, such as Europe/Berlin."),
    "contact": Rule(address, required=True),
    "authority": Rule(text, required=True, remedy="Add authority: where people may complain."),
    "phone_region": Rule(country),
}
ARTIFACT: Mapping[str, Rule] = {
    "id": Rule(identifier, required=True),
    "name": Rule(text, required=True),
    "kind": Rule(term(ArtifactKind), required=True),
    "connector": Rule(one_of(CONNECTORS), required=True),
    "location": Rule(text, required=True),
    "entity": Rule(text, required=True),
    "role": Rule(term(EntityRole)),
    "purpose": Rule(text, required=True, remedy="Add purpose: GDPR Art. 5(1)(b) and 30(1)(b) want one."),
    "lawful_basis": Rule(one_of(LAWFUL_BASES), required=True, remedy="Add lawful_basis: GDPR Art. 6(1), LGPD Art. 7."),
    "retention": Rule(retention, required=True, remedy="Add retention: GDPR Art. 5(1)(e) wants an end."),
    "recipients": Rule(texts),
    "subject_fields": Rule(texts),
    "text_fields": Rule(texts),
    "key_field": Rule(text),
    "lineage_field": Rule(text),
    "options": Rule(options),
}
DERIVATION: Mapping[str, Rule] = {
    "from": Rule(some_texts, required=True, attribute="sources"),
    "to": Rule(text, required=True, attribute="target"),
    "run": Rule(text, required=True, remedy="Add run: the program or pipeline that made it."),
    "at": Rule(moment, required=True, remedy="Add at: when it ran."),
    "how": Rule(text, required=True, remedy="Add how: in words, what the run does."),
}
