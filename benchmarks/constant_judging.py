"""What a classifier makes of the answers of ``constant_answers.py``: everything that an outsider sees, pair by pair."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from constant_doors import Seen

NEAR = 10


def auc(answers: Sequence[Seen]) -> float:
    """Area under the curve of a cross-validated classifier."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    names = sorted({name for answer in answers for name in answer.headers} - {"date"})
    told = {name: sorted({_plain(a.headers.get(name, "")) for a in answers}) for name in names}
    rows = np.array(
        [
            [a.first, a.last, a.last - a.first, a.last / usual, a.first - other.first, a.last - other.last]
            + [a.size, a.status, a.size - other.size]
            + [told[name].index(_plain(a.headers.get(name, ""))) for name in names]
            for a, other, usual in zip(answers, _other(answers), _usual([a.last for a in answers]), strict=True)
        ]
    )
    known = np.array([answer.known for answer in answers])
    pairs = np.arange(len(answers)) // 2  # judged on pairs of which it has seen neither
    model = HistGradientBoostingClassifier(
        max_iter=80, max_depth=3, min_samples_leaf=max(5, len(answers) // 100), random_state=0
    )
    said = cross_val_predict(model, rows, known, groups=pairs, cv=GroupKFold(5), method="predict_proba")[:, 1]
    return float(roc_auc_score(known, said))


def _other(answers: Sequence[Seen]) -> Iterator[Seen]:
    """The other one of each one's pair: asked just before, or just after."""
    for place in range(len(answers)):
        yield answers[place ^ 1]


def _usual(times: Sequence[float]) -> Iterator[float]:
    """The median of the answers around each: a patient attacker sees through a machine that is slower for a while."""
    for place in range(len(times)):
        around = sorted(times[max(0, place - NEAR) : place + NEAR + 1])
        yield around[len(around) // 2]


def _plain(value: str) -> str:
    """A header without what is random in every answer: keys and numbers of a session."""
    return re.sub(r"[\w=-]{20,}", "…", value)
