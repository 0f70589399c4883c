"""While a plan is drafted: does a language model answer what it was trained on, and how long will a run take? And can
an index lose its entries, and how?

Asked before anybody approves, and once for the same weights: a model that hardly knows its own training set would meet
the gate before promotion only after two people had read the plan, and after the run. So would an index of a kind from
which nothing can be erased.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings

from compliance.intake.models import ErasureRequest
from compliance.jobs import processes
from compliance.jobs.progress import Progress
from compliance.mitigation import drafting, weights
from compliance.provenance import services as provenance
from compliance.provenance.models import Artifact, SearchNote, Trace
from compliance.provenance.places import connector_of, place_of
from compliance.rules.errors import OubliError
from compliance.rules.terms import ArtifactKind
from compliance.rules.thresholds import BY_JOB

PREFIX = "forecast_"


def foresee(request: ErasureRequest, progress: Progress) -> None:
    """Write into the notes of the case's language models what they answer and how long a run takes.

    What cannot be foreseen stays unsaid in the plan; a model that cannot be opened says so when it is treated.
    """
    notes = SearchNote.objects.filter(request=request, round=request.round, artifact__kind=ArtifactKind.MODEL)
    for note in notes.exclude(artifact__connector__in=BY_JOB).select_related("artifact"):
        exposed = note.by_lineage and note.facts.get("exposed", True) and note.facts.get("weights", True)
        if not settings.OUBLI_FORECAST_QUESTIONS or not exposed:
            continue
        try:
            found = _foreseen(request, note.artifact, progress)
        except OubliError:
            continue
        _note(note, found, progress)
    _foresee_indexes(request, progress)


def _note(note: SearchNote, found: Mapping[str, Any], progress: Progress) -> None:
    note.facts = {**note.facts, **found}
    with progress.commit():
        note.save(update_fields=["facts"])


def _foresee_indexes(request: ErasureRequest, progress: Progress) -> None:
    """Write what an erase would do, of what counts now and of the most that can come to count by ticks."""
    notes = SearchNote.objects.filter(request=request, round=request.round, artifact__kind=ArtifactKind.INDEX)
    for note in notes.select_related("artifact"):
        rows = Trace.objects.current(request).filter(artifact=note.artifact)
        asked = getattr(connector_of(note.artifact), "foresee", None)
        if asked is None or not rows.exists():
            continue
        with suppress(OubliError):
            place = place_of(note.artifact)
            now, most = (asked(place, *provenance.names_of(request, some)) for some in (rows.counted(), rows))
            found = {"index_level": now["level"], "index_level_all": most["level"], "index_mends": most["mends"]}
            found |= {"index_why": now["why"] or most["why"], "index_of": drafting.digest_of(rows.counted())}
            _note(note, found, progress)


def _foreseen(request: ErasureRequest, model: Artifact, progress: Progress) -> dict[str, Any]:
    digest = connector_of(model).describe(place_of(model)).digest
    known = SearchNote.objects.filter(artifact=model, **{f"facts__{PREFIX}of": digest}).first()
    if known is not None:
        return {name: value for name, value in known.facts.items() if name.startswith(PREFIX)}
    training = weights.training_set(model)
    mine = provenance.forget_set(request, training)
    own, shared = provenance.records_of(request, training)
    gone = {*own, *shared}
    kept = [row.fields for row in connector_of(training).records(place_of(training), None) if row.key not in gone]
    with weights.rows_file(mine) as forget, weights.rows_file(kept) as retain:
        arguments = ["forecast", "--model", model.location, "--forget", str(forget), "--retain", str(retain)]
        arguments += ["--questions", str(settings.OUBLI_FORECAST_QUESTIONS)]
        found = processes.run("unlearning", arguments, progress)
    told = {"asked": found["asked"], "answered": found["answered"], "seconds": _coarse(found["seconds"]), "of": digest}
    return {f"{PREFIX}{name}": value for name, value in told.items()}


def _coarse(seconds: float) -> int:
    """Rounded up to one figure, so that a busy machine hardly makes another plan of it."""
    step = int(10 ** max(0, math.floor(math.log10(max(seconds, 1.0)))))
    return math.ceil(seconds / step) * step
