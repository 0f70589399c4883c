"""How likely a model finds answers: exact teacher-forced log-probabilities, in batches, within memory.

Long questions lose their beginning, never their answer: what a model has no room for cannot be asked of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unlearning.batches import alike, answer_logits, by_length, collate
from unlearning.prefixes import begin, shared_start
from unlearning.tokens import Encoded, all_answer_ids, prompt_ids
from unlearning.types import Row

MIN_K = 0.2  # share of least likely tokens that Min-K% (arXiv 2310.16789) and Min-K%++ (arXiv 2404.02936) average
NUMBERS = 1 << 25  # logits held at once: 128 MB
LONGEST = 2048  # tokens of a text where the model names no limit of its own


@dataclass(frozen=True)
class RowScore:
    """One answer under the model: negative log-probability (nats), tokens, and how many are its first choice.

    `min_k` is Min-K%++, `lowest` plain Min-K%: means over the least likely tokens.
    """

    nll: float
    tokens: int
    matches: int
    suffix: int
    min_k: float
    lowest: float = 0.0

    @property
    def mean_nll(self) -> float:
        return self.nll / self.tokens

    @property
    def strength(self) -> float:
        """Extraction strength: the share of the answer that the model completes by itself (arXiv 2407.06460)."""
        return self.suffix / self.tokens

    @property
    def memorised(self) -> float:
        """Exact memorization: the share of tokens that are the model's first choice."""
        return self.matches / self.tokens


def room_of(model: Any) -> int:
    """How many tokens the model can see at once."""
    return int(min(getattr(model.config, "max_position_embeddings", None) or LONGEST, LONGEST))


def fitted(head: Sequence[int], answer: Sequence[int], *, room: int) -> Encoded:
    """A question and its answer within `room` tokens: the question's beginning goes first, then the answer's end."""
    answer = list(answer[: room - 1])
    head = list(head[max(0, len(head) + len(answer) - room) :])
    return Encoded((*head, *answer), start=max(1, len(head)))


def score_rows(
    model: Any, tokenizer: Any, rows: Sequence[Row], *, head: Sequence[int] = (), size: int = 64
) -> list[RowScore]:
    """Score each row's answer given its question, in batches of similar length; `head` ids stand before each."""
    endings = all_answer_ids(tokenizer, [row.response for row in rows]) if rows else []
    starts = [[*head, *prompt_ids(tokenizer, row.prompt)] for row in rows]
    room = room_of(model)
    encoded = [fitted(start or [0], end, room=room) for start, end in zip(starts, endings, strict=True)]
    longest = max((len(row.ids) for row in encoded), default=1)
    size = max(1, min(size, NUMBERS // (longest * model.config.vocab_size)))
    scores: dict[int, RowScore] = {}
    with torch.inference_mode():
        for group in alike(model, encoded, size=size):
            scores.update(zip(group, _score(model, [encoded[index] for index in group]), strict=True))
    return [scores[index] for index in range(len(rows))]


def _score(model: Any, rows: Sequence[Encoded]) -> list[RowScore]:
    batch = collate(rows)
    logs = torch.log_softmax(answer_logits(model, batch).float(), dim=-1)  # (tokens, vocabulary)
    chosen = logs.gather(1, batch.targets[:, None])[:, 0]
    right = logs.argmax(dim=-1) == batch.targets
    chances = logs.exp()
    mean = (chances * logs).sum(dim=-1)
    spread = ((chances * logs.square()).sum(dim=-1) - mean.square()).clamp_min(1e-6).sqrt()
    surprise = (chosen - mean) / spread
    mine = [batch.owner == row for row in range(len(rows))]
    return [_one(chosen[own], right[own], surprise[own]) for own in mine]


def _one(chosen: Any, right: Any, surprise: Any) -> RowScore:
    """The score of one row from its tokens' log-probabilities, hits and normed log-probabilities: `(tokens,)` each."""
    few = max(1, int(len(chosen) * MIN_K))
    return RowScore(
        nll=-float(chosen.double().sum()),
        tokens=len(chosen),
        matches=int(right.sum()),
        suffix=int(right.flip(0).long().cumprod(0).sum()),
        min_k=float(surprise.topk(few, largest=False).values.mean()),
        lowest=float(chosen.topk(few, largest=False).values.mean()),
    )


def candidate_scores(
    model: Any, tokenizer: Any, prompt: str, responses: Sequence[str], *, head: Sequence[int] = ()
) -> list[float]:
    """Log-probability (nats) of each whole response to one prompt; what they all begin with is computed once."""
    if not responses:
        return []
    found = all_answer_ids(tokenizer, responses)
    common = shared_start(found)
    ids = [*head, *prompt_ids(tokenizer, prompt)] or [0]
    longest = max(map(len, found))
    room = max(2, room_of(model) - longest)
    start = begin(model, [*ids[-room:], *found[0][:common]])
    if start.cache is None:
        rows = [Row(prompt, response) for response in responses]
        return [-score.nll for score in score_rows(model, tokenizer, rows, head=head)]
    tails = [answer[common:] for answer in found]
    opening = start.log_probability_of_last(common)
    size = max(1, min(150, NUMBERS // (max(1, longest - common) * model.config.vocab_size)))
    scores: dict[int, float] = {}
    with torch.inference_mode():
        for group in by_length([Encoded(tuple(tail), 1) for tail in tails], size=size):
            chosen = start.continued([tails[index] for index in group])
            scores.update((index, opening + value) for index, value in zip(group, chosen, strict=True))
    return [scores[index] for index in range(len(responses))]
