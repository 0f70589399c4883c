"""Verb `audit`: measure one model, or the model before and after the work, attack it, and say what that supports."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unlearning import attacks
from unlearning.attack import struck
from unlearning.errors import ModelError
from unlearning.evaluate import evaluate
from unlearning.examined import Examined, check_facts
from unlearning.models import digest, open_model, pin, versions
from unlearning.types import AuditResult, Measurement, PersonFacts, Progress, silent
from unlearning.verdict import decide, judge, value_of

__all__ = ["STANDARD", "audit", "decide", "judge", "value_of"]

FEW = 4  # controls of each kind that are ranked in the model before
# All attacks but those that train for long, and sampling, which the metric of that name has done already.
LONG = attacks.RELEARNING | {"benign_finetune_100"}
STANDARD = tuple(name for name in attacks.TABLE if name not in LONG and name != "sampling")
RIVALS = 100  # values that a true one is ranked among after an attack, at most


def audit(
    model_dir: Path,
    *,
    facts: PersonFacts,
    before: Path | None = None,
    receipt: Path | None = None,
    attack_names: Sequence[str] = (),
    seed: int = 0,
    candidates: int = 300,
    threads: int = 1,
    progress: Progress = silent,
) -> AuditResult:
    """Measure `model_dir`, and `before` where it is given; then attack it by `attack_names`.

    `receipt` is the JSON result of the exact verb that made `model_dir` (`replay`, say), without which no model is
    called erased. Raises RowsError when there is nobody to compare with, ModelError when the receipt is another's.
    """
    began = (time.monotonic(), time.process_time())
    check_facts(facts, doing="auditing")
    for name in attack_names:
        attacks.load(name)
    route = _route(receipt, model_dir) if receipt else ""
    pin(threads)
    settings = {"facts": facts, "seed": seed, "candidates": candidates}
    spans = _spans(bool(before), bool(attack_names))
    old = _examine(before, {**settings, "calibration": FEW}, progress, span=spans[0])[1] if before else ()
    examined, new = _examine(model_dir, settings, progress, span=spans[1])
    rivals = replace(examined, candidates=min(candidates, RIVALS))
    found, impossible = struck(rivals, names=attack_names, progress=_within(progress, spans[2]))
    verdict = decide(new, before=old, struck=found, exact=route != "")
    return AuditResult(
        digest=digest(model_dir),
        digest_before=digest(before) if before else "",
        after=new,
        before=old,
        verdict=verdict.word,
        reasons=verdict.reasons,
        seed=seed,
        seconds=round(time.monotonic() - began[0], 3),
        cpu_seconds=round(time.process_time() - began[1], 3),
        versions=versions(),
        claim=verdict.claim,
        route=route,
        bits=verdict.bits,
        bits_error=verdict.error,
        worst_bits=verdict.worst_bits,
        worst_attack=verdict.worst_attack,
        attacks=tuple(found),
        attacks_not_applicable=tuple(impossible),
    )


def _spans(before: bool, attacked: bool) -> list[tuple[float, float]]:
    """Which part of the whole each of three parts takes: the model before, the model, the attacks."""
    weights = [1.0 if before else 0.0, 1.0, 1.0 if attacked else 0.0]
    edges = [sum(weights[:place]) / sum(weights) for place in range(4)]
    return list(itertools.pairwise(edges))


def _within(progress: Progress, span: tuple[float, float]) -> Progress:
    start, end = span
    return lambda part, text: progress(start + part * (end - start), text) if end > start else None


def _examine(
    folder: Path, settings: dict[str, Any], progress: Progress, *, span: tuple[float, float]
) -> tuple[Examined, tuple[Measurement, ...]]:
    """All metrics of one model; its progress fills `span` of the whole."""
    model, tokenizer = open_model(folder)
    examined = Examined(model, tokenizer, **settings)
    return examined, evaluate(examined, progress=_within(progress, span))


def _route(receipt: Path, model_dir: Path) -> str:
    """The exact verb that the receipt names; raises ModelError unless it is about this very model."""
    try:
        content = json.loads(receipt.read_text(encoding="utf-8"))
        verb, exactness, made = content["verb"], content["exactness"], content["digest"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"reading the receipt {receipt}: {type(error).__name__}; give the --json result of what made the model"
        ) from None
    if made != digest(model_dir):
        raise ModelError(f"auditing {model_dir}: the receipt {receipt} is about another model; give this model's own")
    if exactness != "exact" or verb == "train":
        return ""
    return str(verb)
