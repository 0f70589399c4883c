"""Audit a classifier that was made to forget: a class by what its features tell, rows by membership attacks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from unlearning.classifiers import answers, headless
from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import accuracy, logits_of
from unlearning.classifiers.gate import MOST_LOST, Judgement, judge_class, judge_rows
from unlearning.classifiers.measures.membership import LEAST_REFERENCES, Attack, judged, phi, rmia
from unlearning.classifiers.measures.whole_class import (
    ClassReading,
    divergence,
    only_head_changed,
    read_class,
)
from unlearning.classifiers.one_row import judge_row, look
from unlearning.classifiers.outcome import Exactness, Figure, Gate, Scope
from unlearning.classifiers.planning import scope_of
from unlearning.errors import InputError

PROBE_ROWS, TEACH = 4000, 10


@dataclass(frozen=True)
class Audit:
    """Figures, the gate, and why."""

    scope: Scope
    figures: tuple[Figure, ...]
    gate: Gate
    reasons: tuple[str, ...]


def audit(
    model: nn.Module,
    forget: Examples,
    *,
    retain: Examples | None = None,
    holdout: Examples | None = None,
    original: nn.Module | None = None,
    references: tuple[nn.Module, ...] = (),
    exactness: Exactness = "approximate",
    scope: Scope | None = None,
) -> Audit:
    """Measure and judge; `holdout` are rows that no model was trained on, of the same distribution.

    `references` are models trained without the forget set: retrained ones for a class; for rows, models none of which
    saw rows of the forget set or the hold-out.
    """
    scope = scope or scope_of(forget, retain)
    if scope == "none":
        return Audit(scope, (), "pass", ("Nothing was to be forgotten.",))
    if holdout is None or not len(holdout):
        return Audit(scope, (), "inconclusive", ("No held-out rows were given: nothing can be measured without them.",))
    if retain is None:
        return Audit(scope, (), "inconclusive", ("No retained rows were given: what must stay cannot be measured.",))
    for one in (model, *(() if original is None else (original,)), *references):
        answers.check(one, forget.features, classes=forget.classes)
    if scope == "class":
        return _class(model, forget, retain, holdout, original, references, exactness)
    return _rows(model, forget, retain, holdout, original, references, exactness)


def _class(
    model: nn.Module,
    forget: Examples,
    retain: Examples,
    holdout: Examples,
    original: nn.Module | None,
    references: tuple[nn.Module, ...],
    exactness: Exactness,
) -> Audit:
    label = int(forget.labels[0])
    mine = (holdout.labels == label).nonzero().flatten()
    if not len(mine) or len(mine) == len(holdout):
        raise InputError("auditing a class: the held-out rows need rows of the class and of others")
    if not headless.has_head(model, holdout):
        told, said = headless.judged(model, label, holdout, original=original, exactness=exactness)
        return Audit("class", told, said.gate, said.reasons)
    readings = [_read(one, label, forget, retain, holdout) for one in (original, model, *references) if one is not None]
    before = readings[0] if original is not None else None
    after, others = readings[1 if original is not None else 0], tuple(readings[2 if original is not None else 1 :])
    figures = [
        Figure("unlearning score", after.score, len(holdout)),
        Figure("retained accuracy", after.retained, len(holdout) - len(mine)),
        Figure("recognition of the class", after.forgotten, len(mine)),
        Figure("probe recall", after.probe, len(mine)),
        Figure("one-vs-rest AUC", after.one_vs_rest, len(holdout)),
        Figure("relearning steps", after.relearn, TEACH * holdout.classes),
    ]
    if before is not None:
        figures += [
            Figure("unlearning score", before.score, len(holdout), note="before"),
            Figure("retained accuracy", before.retained, len(holdout) - len(mine), note="before"),
            Figure("recognition of the class", before.forgotten, len(mine), note="before"),
            Figure("probe recall", before.probe, len(mine), note="before"),
            Figure("one-vs-rest AUC", before.one_vs_rest, len(holdout), note="before"),
        ]
    if references:
        rows = holdout.take(mine).features
        figures.append(Figure("JS to retraining", divergence(model, references[0], rows), len(mine)))
    if before is None or original is None:
        return Audit(
            "class", tuple(figures), "inconclusive", ("The model before was not given: no change can be judged.",)
        )
    head_only = only_head_changed(original, model, holdout.features)
    found = judge_class(
        before,
        after,
        others,
        exactness=exactness,
        classes=holdout.classes,
        head_only=head_only,
        rows=len(mine),
    )
    return Audit("class", tuple(figures), found.gate, found.reasons)


def _read(model: nn.Module, label: int, forget: Examples, retain: Examples, holdout: Examples) -> ClassReading:
    chance = torch.Generator().manual_seed(0)
    share = max(1, round(PROBE_ROWS * len(forget) / (len(forget) + len(retain))))
    one, rest = forget.sample(share, generator=chance), retain.sample(PROBE_ROWS - share, generator=chance)
    both = Examples(
        torch.cat([one.features, rest.features]),
        torch.cat([one.labels, rest.labels]),
        one.ids + rest.ids,
        forget.classes,
    )
    taught = torch.cat([(both.labels == k).nonzero().flatten()[:TEACH] for k in range(forget.classes)])
    return read_class(model, label, probe_rows=both, test=holdout, relearn_rows=both.take(taught))


def _rows(
    model: nn.Module,
    forget: Examples,
    retain: Examples,
    holdout: Examples,
    original: nn.Module | None,
    references: tuple[nn.Module, ...],
    exactness: Exactness,
) -> Audit:
    lost = accuracy(original, holdout) - accuracy(model, holdout) if original is not None else 0.0
    figures = [
        Figure("held-out accuracy", accuracy(model, holdout), len(holdout)),
        Figure("accuracy lost", lost, len(holdout)),
    ]
    if len(forget) == 1:
        strangers = np.array([_phi(one, forget)[0] for one in references])
        seen = look(float(_phi(model, forget)[0]), strangers) if len(strangers) > 1 else None
        said = judge_row(seen, lost=lost, most_lost=MOST_LOST, exactness=exactness)
        return Audit("rows", (*figures, *(seen.figures if seen else ())), said.gate, said.reasons)
    attack = _attack(model, forget, holdout, references)
    if attack is not None:
        width = 1.96 * attack.standard_error
        figures += [
            Figure("membership AUC", attack.auc, attack.positives, attack.auc - width, attack.auc + width),
            Figure("found at 1 % false alarms", attack.tpr, attack.positives, attack.low, attack.high),
        ]
    found: Judgement = judge_rows(
        attack, lost=lost, exactness=exactness, references=len(references), least_references=LEAST_REFERENCES
    )
    return Audit("rows", tuple(figures), found.gate, found.reasons)


def _attack(model: nn.Module, forget: Examples, holdout: Examples, references: tuple[nn.Module, ...]) -> Attack | None:
    """Forgotten rows against held-out ones: by RMIA with references, by the loss alone without."""
    mine, others = _phi(model, forget), _phi(model, holdout)
    if not references:
        return judged(mine, others)
    inside = np.stack([_phi(one, forget) for one in references])
    outside = np.stack([_phi(one, holdout) for one in references])
    return judged(rmia(mine, inside, others, outside), rmia(others, outside, others, outside))


def _phi(model: nn.Module, examples: Examples) -> np.ndarray:
    return np.asarray(phi(logits_of(model, examples.features), examples.labels))
