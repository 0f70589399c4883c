"""What the person says still shows their data, tried exactly as they gave it.

Questions (from the form, and from every challenge) are put to the model that serves. An answer counts when it holds one
of the person's identifiers or erased values that the question does not hold itself: a model that repeats what it was
told has not remembered it. A link is nothing that a machine of ours may follow; how many there are is said, so that
somebody opens them.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from compliance.intake import vault
from compliance.jobs import processes
from compliance.provenance import services as provenance
from compliance.provenance.models import Derivation
from compliance.rules.asking import Clue
from compliance.rules.thresholds import CHALLENGED
from compliance.validation.plainsight import forms, plain
from compliance.validation.readings import Reading, Subject

NAME = "challenged"


def measure(subject: Subject) -> Iterator[Reading]:
    """Answers that still say it; nothing when the person gave nothing to try."""
    given = probes(vault.opened(subject.request))
    questions = [value for kind, value in given if kind is Clue.PROMPT]
    links = sum(kind is Clue.LINK for kind, _ in given)
    if questions:
        subject.progress(0.9, f"Trying {len(questions)} questions that the person gave")
        asked = _ask(subject, questions)
        told = saying(asked, _values(subject))
        count = sum(len(row["answers"]) for row in asked)
        detail = {"questions": len(questions), "how": "the person's own words, likeliest and drawn answers"}
        yield Reading(
            NAME,
            CHALLENGED.measurement,
            float(told),
            n=count,
            unit=CHALLENGED.unit,
            threshold=f"≤ {CHALLENGED.limit:g} {CHALLENGED.unit}",
            verdict=CHALLENGED.judge(float(told)),
            detail=detail,
        )
    if links:
        detail = {"how": "an officer opens them: nothing of ours follows a link that somebody typed"}
        yield Reading(NAME, "links_to_open", float(links), unit="links", detail=detail)


def probes(content: dict[str, Any]) -> list[tuple[Clue, str]]:
    """Everything that the person gave as showing their data, each once."""
    given = [*content.get("clues", []), *content.get("probes", [])]
    return list(dict.fromkeys((Clue(row["kind"]), str(row["value"])) for row in given))


def texts(content: dict[str, Any]) -> list[str]:
    """What can be asked of an index: questions and words."""
    return [value for kind, value in probes(content) if kind is not Clue.LINK]


def saying(asked: Sequence[dict[str, Any]], values: set[str]) -> int:
    """How many answers hold a value that their question does not hold."""
    told = 0
    for row in asked:
        question = plain(row["prompt"])
        secret = [value for value in values if value not in question]
        told += sum(any(value in plain(answer) for value in secret) for answer in row["answers"])
    return told


def _values(subject: Subject) -> set[str]:
    """Identifiers and erased values, in letters and digits; too short ones stand in anybody's answer."""
    found = {form for n in subject.search.identifiers for form in forms(n.kind, n.value)}
    parents = [d.parent for d in Derivation.objects.filter(child=subject.artifact).select_related("parent")]
    rows = [row for parent in parents for row in provenance.forget_set(subject.request, parent)]
    return found | {value for row in rows if len(value := plain(row.get("value", ""))) >= 6}


def _ask(subject: Subject, questions: Sequence[str]) -> list[dict[str, Any]]:
    # Readable by the owner only, gone afterwards.
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as file:
        json.dump(list(questions), file)
        file.flush()
        arguments = ["ask", "--model", str(Path(subject.artifact.location)), "--prompts", file.name]
        answered: list[dict[str, Any]] = processes.run("unlearning", arguments, subject.progress)["asked"]
    return answered
