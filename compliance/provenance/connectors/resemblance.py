"""Near copies of the person's own texts: edited, quoted in part, sentences exchanged; they propose and never sweep.

A text is compared when it has 40 characters and eight words (``retrieval.exclusion.comparable``), whole field by whole
field, by MinHash over runs of three words (``retrieval.near``): what is found resembles by about 0.8 or more (Jaccard).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from compliance.provenance.connectors import NEAR
from compliance.provenance.connectors.rows import Row
from retrieval.exclusion import SHORTEST_TEXT, comparable
from retrieval.near import NearIndex, Signer
from retrieval.types import Needle

SIMILARITY: Final = 0.8
_AT_ONCE: Final = 2_048
Copy = tuple[str, str, str, int, str]  # record, its digest, field, characters of the text, the needle's key with a mark


class Resemblance:
    """The texts to compare with, made ready once for any number of records."""

    def __init__(self, needles: Sequence[Needle]) -> None:
        texts = [needle for needle in needles if needle.kind == "content" and comparable(needle.value)]
        self._keys = [needle.key for needle in texts]
        self._signer = Signer()
        self._own = NearIndex(self._signer.sign([needle.value for needle in texts])) if texts else None
        self._held: list[tuple[Row | None, str, str]] = []
        self._found: list[Copy] = []

    def take(self, row: Row | None, fields: Mapping[str, str]) -> None:
        """Compare a record's fields, many records at a time."""
        if self._own is not None:
            self._held += [(row, name, text) for name, text in fields.items() if len(text) >= SHORTEST_TEXT]
            if len(self._held) >= _AT_ONCE:
                self._compare()

    def found(self) -> Iterator[Copy]:
        """Every near copy in the records so far, each field and needle once."""
        self._compare()
        yield from self._found
        self._found = []

    def _compare(self) -> None:
        held, self._held = self._held, []
        if self._own is None or not held:
            return
        for pair in self._own.near(self._signer.sign([text for *_, text in held]), similarity=SIMILARITY):
            row, name, text = held[pair.query]
            if comparable(text):
                record, digest = (row.key, row.digest) if row else ("", "")
                self._found.append((record, digest, name, len(text), f"{self._keys[pair.document]}{NEAR}"))


def near_fields(fields: Mapping[str, str], needles: Sequence[Needle]) -> list[tuple[str, int]]:
    """Return (field, characters) of the fields that nearly say what one of the needles says."""
    resemblance = Resemblance(needles)
    resemblance.take(None, fields)
    return sorted({(name, size) for _, _, name, size, _ in resemblance.found()})
