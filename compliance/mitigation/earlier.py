"""People whom a model was made to forget before, by training it on: training on again can bring them back.

Their rows are in no training set any more. A case keeps them under its own key until its retention ends, so that its
erasure can be carried out, shown and repeated; until then they are forgotten again with whoever comes after. Nothing
is kept longer for it, and no case learns of another more than a count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Max

from compliance.intake.models import ErasureRequest
from compliance.mitigation import weights
from compliance.mitigation.models import Step
from compliance.provenance import services as provenance
from compliance.provenance.models import Artifact
from compliance.rules.errors import MissingPart, NotFoundHere
from compliance.rules.terms import StepStatus


def forgotten_before(request: ErasureRequest, artifact: Artifact) -> list[ErasureRequest]:
    """Cases that made the model forget by training it on, since it was last rebuilt from a recorded run."""
    done = Step.objects.filter(artifact=artifact, status=StepStatus.DONE).exclude(plan__request=request)
    rebuilt = done.filter(action="replay_model").aggregate(last=Max("finished_at"))["last"]
    trained_on = done.filter(action="unlearn_model", **({"finished_at__gt": rebuilt} if rebuilt else {}))
    return list(ErasureRequest.objects.filter(plans__steps__in=trained_on).distinct().order_by("pk"))


def kept_rows(case: ErasureRequest, training: Artifact) -> list[dict[str, str]]:
    """The case's rows of a training set; none once its key is destroyed."""
    try:
        return provenance.forget_set(case, training)
    except NotFoundHere:
        return []


def still_kept(cases: Sequence[ErasureRequest], model: Artifact) -> list[ErasureRequest]:
    """Those of the cases whose rows of the model's training set can still be forgotten again."""
    try:
        training = weights.training_set(model)
    except MissingPart:
        return []
    return [case for case in cases if kept_rows(case, training)]


def again(
    cases: Sequence[ErasureRequest], training: Artifact, *, beside: Sequence[Mapping[str, Any]]
) -> list[dict[str, str]]:
    """Rows of earlier cases to forget again, each once; what stands in the training set by now is not among them.

    Who came back as a customer may be learned again, also with the same words.
    """
    known = {(row.get("prompt", ""), row.get("response", "")) for row in beside}
    found = [row for case in cases for row in kept_rows(case, training)]
    fresh = {(row.get("prompt", ""), row.get("response", "")): row for row in found}
    return [row for said, row in fresh.items() if said not in known]
