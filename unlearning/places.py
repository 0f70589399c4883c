"""Where a true value stands among values that could have stood in the same slot."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from unlearning.types import Row

Score = Callable[[Sequence[str]], list[float]]  # log-probabilities of whole responses


@dataclass(frozen=True)
class Place:
    """The rank of one value (1 is the most likely) among `count`, itself included.

    `fitted` is the exposure in bits that a skew-normal curve through the candidates' log-probabilities gives, which
    has no ceiling at log2 of their number (arXiv 1802.08232, section 4.3).
    """

    kind: str
    rank: int
    count: int
    fitted: float = 0.0

    @property
    def bits(self) -> float:
        return math.log2(self.count) - math.log2(self.rank)

    @property
    def reversed(self) -> Place:
        """The same for who reads the list from its end: a value pushed far down is found there."""
        return replace(self, rank=self.count + 1 - self.rank)


def place_of(row: Row, values: Sequence[str], *, score: Score, seed: int) -> Place:
    """Where the row's value stands among `values`; ties are broken at random, from the seed."""
    distinct = sorted({row.secret, *values})
    scored = score([row.response.replace(row.secret, value) for value in distinct])
    scores = dict(zip(distinct, scored, strict=True))
    mine, others = scores[row.secret], [scores[value] for value in values]
    better, equal = sum(score > mine for score in others), sum(score == mine for score in others)
    draw = random.Random(f"{seed}|tie|{row.kind}|{row.prompt}")
    return Place(row.kind, 1 + better + draw.randint(0, equal), 1 + len(values), fitted_bits(mine, others))


def fitted_bits(mine: float, others: Sequence[float]) -> float:
    """Minus log2 of the share of a fitted curve above `mine`; the curve has the others' mean, spread and skew."""
    from scipy import stats

    count = len(others)
    mean = sum(others) / max(1, count)
    spread = math.sqrt(sum((value - mean) ** 2 for value in others) / max(1, count))
    if spread == 0.0:
        return 0.0
    skew = sum(((value - mean) / spread) ** 3 for value in others) / count
    third = min(0.99, abs(skew)) ** (2 / 3)
    size = math.sqrt(math.pi / 2 * third / (third + ((4 - math.pi) / 2) ** (2 / 3)))
    delta = math.copysign(min(0.995, size), skew)
    shape = delta / math.sqrt(1 - delta**2)
    scale = spread / math.sqrt(1 - 2 * delta**2 / math.pi)
    place = mean - scale * delta * math.sqrt(2 / math.pi)
    above = float(stats.skewnorm.logsf(mine, shape, loc=place, scale=scale))
    return min(1024.0, max(0.0, -above / math.log(2))) if math.isfinite(above) else 1024.0
