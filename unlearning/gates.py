"""What a model must still be able to do before it may be saved: answer others, tell namesakes apart, not babble."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unlearning.answering import ends_of, written
from unlearning.batches import alike, answer_logits, collate
from unlearning.errors import Refused
from unlearning.room import room_of
from unlearning.tokens import Encoded

ASKED = 200  # rows of each kind, drawn once
MOST_LOST = 0.10  # of the others' right tokens; finer margins are for the audit
SPOKEN, ASKED_TO_SPEAK = 24, 12
SAME = 0.6  # share of one token in an answer from which on it is babble


@dataclass(frozen=True)
class Gates:
    """Rows to be answered after the work as before it; measured on the original at once."""

    retain: Sequence[Encoded]
    namesakes: Sequence[Encoded]
    before: tuple[float, float]
    babble_before: float
    most_lost: float = MOST_LOST

    def check(self, model: Any) -> dict[str, float]:
        """Measurements of the model as it is; raises Refused where it lost too much, so that nothing is saved."""
        right, namesakes, babble = (
            right_tokens(model, self.retain),
            right_tokens(model, self.namesakes),
            self._babble(model),
        )
        lost = {"others": self.before[0] - right, "namesakes": self.before[1] - namesakes}
        for whom, share in lost.items():
            if share > self.most_lost:
                raise Refused(
                    f"unlearning: {share:.0%} of the right answers about {whom} were lost, {self.most_lost:.0%} may "
                    "be; nothing was saved; choose a gentler dose or method, or retrain without the rows"
                )
        if babble > max(0.5, self.babble_before + 0.25):
            raise Refused(
                f"unlearning: {babble:.0%} of the model's free answers are one token over and over; nothing was saved; "
                "choose a gentler dose or method, or retrain without the rows"
            )
        return {"retain_lost": round(lost["others"], 4), "namesakes_lost": round(lost["namesakes"], 4)}

    def _babble(self, model: Any) -> float:
        return babbling(model, self.retain[:ASKED_TO_SPEAK])


def gates_for(
    model: Any, retain: Sequence[Encoded], namesakes: Sequence[Encoded], *, seed: int, most_lost: float = MOST_LOST
) -> Gates:
    """Gates for a model as it is now."""
    draw = random.Random(f"gates {seed}")
    asked = draw.sample(list(retain), min(ASKED, len(retain)))
    near = draw.sample(list(namesakes), min(ASKED, len(namesakes)))
    before = (right_tokens(model, asked), right_tokens(model, near))
    return Gates(asked, near, before, babbling(model, asked[:ASKED_TO_SPEAK]), most_lost)


def right_tokens(model: Any, rows: Sequence[Encoded]) -> float:
    """Share of answer tokens that are the model's first choice; 1 without rows."""
    right, total = 0, 0
    with torch.inference_mode():
        for group in alike(model, rows, size=64):
            batch = collate([rows[index] for index in group])
            right += int((answer_logits(model, batch).argmax(dim=-1) == batch.targets).sum())
            total += len(batch.targets)
    return right / total if total else 1.0


def babbling(model: Any, rows: Sequence[Encoded]) -> float:
    """Share of free answers, of at least eight tokens, in which one token stands over and over."""
    if not rows:
        return 0.0
    room = max(1, room_of(model) - SPOKEN)
    heads = [row.ids[: row.start][-room:] for row in rows]
    with torch.inference_mode():
        answers = written(model, heads, ends=ends_of(model), longest=SPOKEN)
    return sum(_same(said) for said in answers) / len(rows)


def _same(said: Sequence[int]) -> bool:
    most = Counter(said).most_common(1)[0][1] if said else 0
    return len(said) >= 8 and most > SAME * len(said)
