"""What a case looks for: the identifiers it was given, those learned from the identity source, and known content.

1. An identifier whose control was proven finds records; one that was only typed finds candidates.
2. A customer record found by a proven identifier teaches the person's other identifiers. Only artifacts registered
   with ``identity: true`` teach, and only by an exact or normalised match, so that an identifier planted in a free
   text never widens a search. What stands in a stranger's row of the same source too (a household's phone, somebody
   else's address planted in one's own row), or came from several rows at once (a household's mailbox), only proposes.
3. The text of the person's own records is looked for elsewhere, whole.
4. A name alone never counts: it proposes candidates for the officer's tick. So does an e-mail address whose spelling
   falls together with another mailbox (a ``+tag``, letters of other scripts): who controls one need not have the other.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from compliance.accounts.models import LegalEntity
from compliance.intake import vault
from compliance.intake.models import ErasureRequest
from compliance.provenance.connectors import Match
from compliance.provenance.models import Artifact
from compliance.provenance.places import artifacts_of, connector_of, place_of
from compliance.rules.terms import IdentifierKind, Support
from retrieval.errors import RetrievalError
from retrieval.text import byte_patterns, is_shared, normalise
from retrieval.types import Needle

SHORTEST_CONTENT = 40
MOST_CONTENTS = 500
REQUEST = "request"  # the origin of needles that the request itself named
CLUE_WORDS = "words"  # rules.asking.Clue
BOILERPLATE = 3  # a text that stands in more records of strangers than this is nobody's own
STRENGTH = [Support.EXACT, Support.NORMALISED, Support.CONTENT, Support.LINEAGE, Support.NEAR, Support.NAME]


@dataclass
class Search:
    """Needles by key, and which of them count without an officer's tick."""

    region: str
    needles: list[Needle] = field(default_factory=list)
    trusted: set[str] = field(default_factory=set)
    widened: list[list[str]] = field(default_factory=list)  # on an officer's word: kind, value, artifact (teaching)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def add(self, kind: str, value: str, *, trusted: bool, origin: str) -> Needle | None:
        """Look for one more identifier; None when it is known already or too weak to search for."""
        try:
            canonical = normalise(kind, value, self.region)
        except RetrievalError:
            return None
        if (kind, canonical) in self._seen:
            if origin == REQUEST and trusted and _finds_one(kind, value, canonical):
                self._promote(kind, canonical)
            return None
        self._seen.add((kind, canonical))
        needle = Needle(kind=kind, value=value, key=f"{kind}:{origin}:{len(self.needles)}")
        self.needles.append(needle)
        if trusted and _finds_one(kind, value, canonical):
            self.trusted.add(needle.key)
        return needle

    def _promote(self, kind: str, canonical: str) -> None:
        """What was only typed when it was first looked for counts from now on: control of it was shown since.

        Only what the request itself named: what an identity source taught keeps its doubts.
        """
        named = (n for n in self.needles if n.kind == kind and n.key.startswith(f"{kind}:{REQUEST}:"))
        self.trusted |= {n.key for n in named if normalise(n.kind, n.value, self.region) == canonical}

    def trusts(self, kind: str, value: str) -> bool:
        """Whether the identifier, in any spelling, counts already; so does one that cannot be looked for at all."""
        try:
            canonical = normalise(kind, value, self.region)
        except RetrievalError:
            return True
        return any(needle.key in self.trusted for needle in self._called(kind, canonical))

    def trust(self, kind: str, value: str, *, origin: str) -> Needle | None:
        """Look for an identifier, or let one count that only proposed until now; None when it is too weak for that."""
        if needle := self.add(kind, value, trusted=True, origin=origin):
            return needle
        try:
            known = self._called(kind, normalise(kind, value, self.region))
        except RetrievalError:
            return None
        if not known or not _finds_one(kind, value, normalise(kind, value, self.region)):
            return None
        self.trusted.add(known[0].key)
        return known[0]

    def _called(self, kind: str, canonical: str) -> list[Needle]:
        return [n for n in self.needles if n.kind == kind and normalise(n.kind, n.value, self.region) == canonical]

    def keep(self, needle: Needle, *, trusted: bool) -> None:
        """Take over a needle of an earlier trace as it was."""
        self._seen.add((needle.kind, normalise(needle.kind, needle.value, self.region)))
        self.needles.append(needle)
        if trusted:
            self.trusted.add(needle.key)

    def doubt(self, keys: set[str]) -> None:
        """Go on looking for some needles, but only for candidates."""
        self.trusted -= keys

    def forget(self, keys: set[str]) -> None:
        """Stop looking for some needles."""
        gone = [needle for needle in self.needles if needle.key in keys and needle.kind != "content"]
        self._seen -= {(needle.kind, normalise(needle.kind, needle.value, self.region)) for needle in gone}
        self.needles = [needle for needle in self.needles if needle.key not in keys]
        self.trusted -= keys

    def support(self, match: Match) -> tuple[Support, bool]:
        """What supports a match, and whether it is only a candidate."""
        support = Support(match.support)
        if support is Support.LINEAGE:
            return support, False
        return support, support in (Support.NAME, Support.NEAR) or match.needle not in self.trusted

    @property
    def identifiers(self) -> list[Needle]:
        """Trusted identifiers, without contents and names."""
        return [n for n in self.needles if n.key in self.trusted and n.kind != "content"]


def _finds_one(kind: str, value: str, canonical: str) -> bool:
    """Whether what is found by an identifier, in any spelling, is of whoever controls the identifier as it is typed."""
    if kind == IdentifierKind.EMAIL and value.strip().lower() != canonical:
        return False
    return kind != IdentifierKind.NAME and not is_shared(kind, value)


def begin(request: ErasureRequest) -> Search:
    """The search of a case from what the person told us and the identity sources know."""
    content = vault.opened(request)
    search = remembered(request, content)
    for identifier in content["identifiers"]:
        search.add(identifier["kind"], identifier["value"], trusted=identifier["proven"], origin=REQUEST)
    learn(search, request.entity)
    for text in clue_texts(content):
        search.add("content", text, trusted=False, origin="seen")
    if content["name"]:
        search.add(IdentifierKind.NAME, content["name"], trusted=False, origin=REQUEST)
    return search


def clue_texts(content: Mapping[str, Any]) -> list[str]:
    """Words that the person saw, long enough to be told from chance: they propose places and never sweep."""
    words = [clue["value"].strip() for clue in content.get("clues", []) if clue["kind"] == CLUE_WORDS]
    return [text for text in words if len(text) >= SHORTEST_CONTENT]


def learn(search: Search, entity: LegalEntity) -> None:
    """Add what the entity's identity sources know of the person."""
    for artifact in artifacts_of(entity):
        if artifact.options.get("identity"):
            _learn(search, artifact)


def remembered(request: ErasureRequest, content: Mapping[str, Any]) -> Search:
    """What an earlier trace of this case looked for."""
    search = Search(region=request.entity.phone_region)
    for known in content.get("needles", []):
        search.keep(Needle(**known), trusted=known["key"] in content["trusted"])
    return search


def _learn(search: Search, artifact: Artifact) -> None:
    """Add the identifiers in the person's own rows of an identity source."""
    place, connector = place_of(artifact), connector_of(artifact)
    kinds: Mapping[str, str] = artifact.options.get("identity_fields", {})
    matches = [m for m in connector.find(place, list(search.needles), region=search.region) if m.owner]
    keys = {match.record for match in matches if not search.support(match)[1]}
    learned: list[Needle] = []
    for row in connector.records(place, keys):
        for name, kind in kinds.items():
            needle = search.add(kind, row.fields.get(name, ""), trusted=True, origin=artifact.slug)
            learned += [needle] if needle else []
    search.doubt(_of_several(artifact, learned, keys, search.region))


def _of_several(artifact: Artifact, learned: list[Needle], keys: set[str], region: str) -> set[str]:
    """Needles that may be of more than one person: learned from several rows at once, or found in a stranger's row."""
    if len(keys) > 1 or not learned:
        return {needle.key for needle in learned}
    found = connector_of(artifact).find(place_of(artifact), learned, region=region)
    return {match.needle for match in found if match.owner and match.record not in keys}


def add_contents(search: Search, texts: Iterable[str]) -> list[Needle]:
    """Look for whole texts of the person's own records too; returns the needles that are new."""
    wanted = sorted({text for text in texts if len(text) >= SHORTEST_CONTENT}, key=len, reverse=True)
    found = (search.add("content", text, trusted=True, origin="record") for text in wanted[:MOST_CONTENTS])
    return [needle for needle in found if needle]


def patterns(search: Search) -> list[bytes]:
    """Every spelling of the trusted identifiers as bytes: what must be in no file afterwards."""
    spelled = {p for n in search.identifiers for p in byte_patterns(n.kind, n.value, search.region)}
    return sorted(spelled)


def keyed(*parts: str) -> str:
    """Keyed hash of a record's name or content, in hex."""
    return hmac.new(vault.lookup_key(), "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()


def strongest(supports: Iterable[tuple[Support, bool]]) -> tuple[Support, bool]:
    """The strongest support of a record: what counts beats a candidate, then by kind."""
    return min(supports, key=lambda pair: (pair[1], STRENGTH.index(pair[0])))
