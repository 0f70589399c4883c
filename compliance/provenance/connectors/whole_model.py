"""What every model folder has in common: it holds no records, is reached by lineage, and is exchanged whole.

A connector of models takes these verbs over and writes ``describe`` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from compliance.provenance.connectors import (
    Description,
    Match,
    NotErasableHere,
    Place,
    Progress,
    Receipt,
    Redaction,
    silent,
)
from compliance.provenance.connectors.absence import Residue, measured, occurrences
from compliance.provenance.connectors.rows import Row
from compliance.rules.errors import SourceUnreachable
from retrieval.types import Needle

WEIGHTS_ARE_SILENT = "a search of bytes says nothing about what weights can say"


def find(place: Place, needles: Sequence[Needle], *, region: str = "", progress: Progress = silent) -> Iterator[Match]:
    """Nothing: weights hold no records. A model is reached by lineage from the records it was trained on."""
    folder_of(place)
    return iter(())


def records(place: Place, keys: Collection[str] | None) -> Iterator[Row]:
    """Nothing: the records stand in the data that the model was made from."""
    folder_of(place)
    return iter(())


def find_derived(place: Place, keys: Collection[str]) -> Iterator[Match]:
    """Nothing: which records a model saw stands in its ledger or recipe, and only what makes it anew reads that."""
    folder_of(place)
    return iter(())


def erase(
    place: Place,
    *,
    records: Collection[str] = (),
    redactions: Mapping[str, Sequence[Redaction]] | None = None,
    undo: Path | None = None,
    region: str = "",
    progress: Progress = silent,
) -> Receipt:
    """Always ``NotErasableHere``: a model is made anew without the records, in another folder."""
    raise NotErasableHere(f"{place.name} is a model: it is made anew without the records, not edited in place.")


def absent(place: Place, patterns: Sequence[bytes]) -> int:
    """Occurrences in the folder's files (tokenizer, vocabulary, configuration); no word on what weights can say."""
    return occurrences(folder_of(place), patterns)


def purging(describe: Callable[[Place], Description], *notes: str) -> Callable[..., Receipt]:
    """The verb ``purge`` for a folder that ``describe`` reads; ``notes`` stand with what the search found."""

    def residue(place: Place, patterns: Sequence[bytes]) -> Residue:
        return Residue(absent(place, patterns), notes=notes)

    def purge(place: Place, patterns: Sequence[bytes] = ()) -> Receipt:
        """Nothing remains to purge in a folder that is exchanged whole."""
        digest = describe(place).digest
        note = "a model folder is exchanged whole"
        receipt = Receipt("rewritten", digest_before=digest, digest_after=digest, notes=(note,))
        return measured(receipt, place, patterns, residue)

    return purge


def folder_of(place: Place) -> Path:
    """The model's folder; ``SourceUnreachable`` when it is not there."""
    folder = Path(place.location)
    if not folder.is_dir():
        raise SourceUnreachable(f"{place.name}: there is no model folder {folder.name!r}.")
    return folder
