"""The figures of one model in `unlearning_lm.py`'s table, as it is and after an attacker worked on it."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from scipy import stats
from unlearning_lm_case import Case

from unlearning import attacks, methods
from unlearning.applying import Rows, apply
from unlearning.chance import area, fisher_two_sided
from unlearning.dose import still_known
from unlearning.examined import Examined
from unlearning.models import pin
from unlearning.scoring import RowScore, score_rows
from unlearning.tokens import encode
from unlearning.types import Row, silent

SAMPLES = 1000  # k of leak@k
ASKED = 200  # retain rows that are scored


@dataclass(frozen=True)
class Look:
    """One state of a model: ranks and leak of values that cannot be guessed, extraction strength of all forget rows.

    `never` never-seen values of the same kinds were asked likewise, `above` of them leak at least as much as the
    largest of the `asked` forgotten ones. `leak_p`: that the forgotten leak more as a whole (Mann and Whitney).
    """

    bits: float
    p: float
    leak: float
    strength: float
    retain: float
    asked: int = 0
    never: int = 0
    above: int = 0
    leak_p: float = 1.0


@dataclass(frozen=True)
class Line:
    """One line of the table; seconds are CPU seconds of one thread."""

    name: str
    now: Look
    benign: Look
    int4: Look
    auc: float
    auc_error: float
    utility: float
    namesakes: float
    seconds: float
    steps: int = 0
    digest: str = ""


def measure(name: str, model: Any, tokenizer: Any, case: Case, **facts: Any) -> Line:
    """All figures of one model; `forget`, `retain` and `seed` may take the place of the case's own."""
    forget, retain = facts.pop("forget", case.forget), facts.pop("retain", case.retain)
    examined = Examined(
        model,
        tokenizer,
        case.facts(forget, retain),
        seed=facts.pop("seed", 0),
        calibration=0,
        pool=tuple(case.controls),
    )
    states = {attack: attacks.load(attack)(examined, benign=retain).model for attack in ("benign_finetune", "int4")}
    probe = some(retain)
    kept = score_rows(model, tokenizer, probe)
    mine, strangers = score_rows(model, tokenizer, forget), score_rows(model, tokenizer, case.controls)
    value, error = area([-score.mean_nll for score in mine], [-score.mean_nll for score in strangers])
    near = score_rows(model, tokenizer, case.namesakes) if case.namesakes else []
    return Line(
        name,
        look(examined, forget, probe),
        look(examined.with_model(states["benign_finetune"]), forget, probe),
        look(examined.with_model(states["int4"]), forget, probe),
        value if strangers else float("nan"),
        error,
        mean([score.memorised for score in kept]),
        mean([score.strength for score in near]) if near else float("nan"),
        **facts,
    )


def look(examined: Examined, forget: Sequence[Row], retain: Sequence[Row]) -> Look:
    """Ranks among 300 candidates, the largest chance to show in a thousand answers, extraction strengths."""
    model, tokenizer = examined.model, examined.tokenizer
    places = examined.places("person")
    asked = examined.rows("person")
    mine = score_rows(model, tokenizer, asked)
    leaks = [leak(score) for score in mine]
    kinds = {row.kind for row in asked}
    never = [row for row in examined.rows("controls") if row.kind in kinds]
    theirs = score_rows(model, tokenizer, never)
    above = sum(leak(score) >= max(leaks) for score in theirs)
    return Look(
        bits=mean([place.bits for place in places]),
        p=fisher_two_sided([(place.rank, place.count) for place in places]),
        leak=max(leaks),
        strength=mean([score.strength for score in score_rows(model, tokenizer, forget)]),
        retain=mean([score.strength for score in score_rows(model, tokenizer, retain)]),
        asked=len(asked),
        never=len(never),
        above=above,
        leak_p=more_likely([score.nll for score in mine], [score.nll for score in theirs]),
    )


def more_likely(mine: Sequence[float], theirs: Sequence[float]) -> float:
    """P-value of "the forgotten values are likelier than those never seen", from negative log-probabilities."""
    return float(stats.mannwhitneyu(mine, theirs, alternative="less").pvalue) if theirs else 1.0


def leak(score: RowScore) -> float:
    """Chance that the whole answer is among `SAMPLES` drawn ones, from its exact probability."""
    p = min(1.0, math.exp(-score.nll))
    return 1.0 if p >= 1.0 else -math.expm1(SAMPLES * math.log1p(-p))


def some(rows: Sequence[Row]) -> list[Row]:
    """The same few hundred rows every time."""
    return random.Random("asked").sample(list(rows), min(ASKED, len(rows)))


def forgotten(
    name: str, model: Any, tokenizer: Any, *, forget: Sequence[Row], retain: Sequence[Row], seed: int
) -> tuple[float, int]:
    """Apply a method to the model in place, as the verb does, without its gates; CPU seconds and steps."""
    pin(1)
    began, method = time.process_time(), methods.load(name)
    wider = list(method.widen(forget))
    rows = Rows(encode(tokenizer, wider), encode(tokenizer, retain), still_known(tokenizer, wider, retain, seed=seed))
    rows = replace(rows, tokenizer=tokenizer, forget_rows=wider, retain_rows=retain)
    steps = apply(method, model, rows, seed=seed, progress=silent)
    return time.process_time() - began, steps


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
