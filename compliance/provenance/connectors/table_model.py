"""A model of a table, as ``classifier train`` writes it: described from its files, reached by lineage, fitted anew.

The folder holds ``table.json`` (the recipe, and which rows it was fitted on) and ``model.pickle``. The pickle is
digested and searched as bytes and never loaded: loading one can run code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

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
from compliance.provenance.connectors.rewriting import digest_of, translated
from compliance.provenance.connectors.rows import Row
from compliance.rules.errors import DamagedArtifact, ModelUnreadable, SourceUnreachable
from retrieval.types import Needle

RECIPE, WEIGHTS = "table.json", "model.pickle"


def describe(place: Place) -> Description:
    """Digest over recipe and estimators; which estimator, in how many shards, fitted on which rows (a digest)."""
    folder = _folder(place)
    with translated(folder):
        if not (folder / WEIGHTS).is_file():
            raise ModelUnreadable(f"{place.name}: the folder {folder.name!r} holds no {WEIGHTS}.")
        facts, digests = _recipe(folder, place), {name: digest_of(folder / name) for name in (RECIPE, WEIGHTS)}
        if facts["weights"] != digests[WEIGHTS]:
            raise DamagedArtifact(f"{place.name}: {WEIGHTS} is not the file that {RECIPE} was written with.")
        detail = {"estimator": facts["estimator"], "shards": facts["shards"], "rows": facts["rows"], "recipe": True}
        size = sum((folder / name).stat().st_size for name in digests)
        joint = "\n".join(f"{name} {digest}" for name, digest in digests.items())
        return Description(hashlib.sha256(joint.encode()).hexdigest(), size, 0, detail)


def find(place: Place, needles: Sequence[Needle], *, region: str = "", progress: Progress = silent) -> Iterator[Match]:
    """Nothing: the model is reached by lineage from the table that it was fitted on."""
    _folder(place)
    return iter(())


def records(place: Place, keys: Collection[str] | None) -> Iterator[Row]:
    """Nothing: its rows stand in the table."""
    _folder(place)
    return iter(())


def find_derived(place: Place, keys: Collection[str]) -> Iterator[Match]:
    """Nothing: it names its rows by one digest."""
    _folder(place)
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
    """Always ``NotErasableHere``: the model is fitted anew without the rows."""
    raise NotErasableHere(f"{place.name} is a model: it is fitted anew without the rows, not edited in place.")


def absent(place: Place, patterns: Sequence[bytes]) -> int:
    """Occurrences in the folder's bytes: a vocabulary, or rows that some estimators keep as they are."""
    return occurrences(_folder(place), patterns)


def purge(place: Place, patterns: Sequence[bytes] = ()) -> Receipt:
    """Nothing remains to purge in a folder that is exchanged whole."""
    digest = describe(place).digest
    note = "a model folder is exchanged whole"
    receipt = Receipt("rewritten", digest_before=digest, digest_after=digest, notes=(note,))
    return measured(receipt, place, patterns, _residue)


def _residue(place: Place, patterns: Sequence[bytes]) -> Residue:
    return Residue(absent(place, patterns))


def _folder(place: Place) -> Path:
    folder = Path(place.location)
    if not folder.is_dir():
        raise SourceUnreachable(f"{place.name}: there is no model folder {folder.name!r}.")
    return folder


def _recipe(folder: Path, place: Place) -> dict[str, Any]:
    try:
        facts = json.loads((folder / RECIPE).read_text("utf-8"))
        wanted = {"estimator": str, "shards": int, "rows": str, "weights": str}
        if not all(isinstance(facts.get(name), kind) for name, kind in wanted.items()):
            raise ValueError
    except (OSError, ValueError, AttributeError, RecursionError):
        raise ModelUnreadable(
            f"{place.name}: {RECIPE} is missing or is no recipe of a table's model.",
            next_action="Fit it with python -m unlearning classifier train on a folder with schema.json.",
        ) from None
    return dict(facts)
