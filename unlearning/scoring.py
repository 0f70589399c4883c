"""How likely a model finds answers: exact teacher-forced log-probabilities, in batches, within memory.

Long questions lose their beginning, never their answer: what a model has no room for cannot be asked of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unlearning import llama
from unlearning.batches import alike, answer_logits, by_length, collate, inner, token_losses
from unlearning.layout import Layout
from unlearning.prefixes import Begun, begin, shared_start
from unlearning.room import check_memory, fitted, room_of
from unlearning.tokens import Encoded, all_answer_ids, prompt_ids
from unlearning.types import Row

MIN_K = 0.2  # share of least likely tokens that Min-K% (arXiv 2310.16789) and Min-K%++ (arXiv 2404.02936) average
NUMBERS = 1 << 25  # logits held at once: 128 MB
TREE = 512  # rows at once that have most of their tokens in common


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


def encoded_for(model: Any, tokenizer: Any, rows: Sequence[Row]) -> list[Encoded]:
    """Each row as ids that the model has room for; a question that is too long loses its beginning.

    Raises InputError where memory is not there to learn from the longest.
    """
    endings = all_answer_ids(tokenizer, [row.response for row in rows]) if rows else []
    room = room_of(model)
    found = [
        fitted(prompt_ids(tokenizer, row.prompt) or [0], end, room=room) for row, end in zip(rows, endings, strict=True)
    ]
    longest = max((len(row.ids) for row in found), default=1)
    check_memory(model, longest=longest, rows=len(found), learning=True)
    return found


def score_rows(
    model: Any, tokenizer: Any, rows: Sequence[Row], *, head: Sequence[int] = (), size: int = 64
) -> list[RowScore]:
    """Score each row's answer given its question, in batches of similar length; `head` ids stand before each."""
    endings = all_answer_ids(tokenizer, [row.response for row in rows]) if rows else []
    starts = [[*head, *prompt_ids(tokenizer, row.prompt)] for row in rows]
    room = room_of(model)
    encoded = [fitted(start or [0], end, room=room) for start, end in zip(starts, endings, strict=True)]
    longest = max((len(row.ids) for row in encoded), default=1)
    check_memory(model, longest=longest, rows=1, learning=False)
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
    room = room_of(model)
    found = [answer[: room - 1] for answer in all_answer_ids(tokenizer, responses)]
    ids = [*head, *prompt_ids(tokenizer, prompt)] or [0]
    longest = max(map(len, found))
    rows = [fitted(ids, answer, room=room) for answer in found]
    if llama.suits(inner(model), Layout(tuple(len(row.ids) for row in rows))):
        return _as_tree(model, rows)
    common = shared_start(found)
    start = begin(model, [*ids[longest - room :], *found[0][:common]])
    if start.cache is None:
        return [
            -score.nll for score in score_rows(model, tokenizer, [Row(prompt, text) for text in responses], head=head)
        ]
    return _from_cache(start, [answer[common:] for answer in found], opening=start.log_probability_of_last(common))


def _as_tree(model: Any, rows: Sequence[Encoded]) -> list[float]:
    """Scores of rows whose every common beginning is computed once."""
    scores = torch.zeros(len(rows), dtype=torch.float64)
    size = max(1, min(TREE, NUMBERS // (max(len(row.ids) for row in rows) ** 2 * model.config.num_attention_heads)))
    with torch.inference_mode():
        for group in alike(model, rows, size=size):
            batch = collate([rows[index] for index in group])
            losses = token_losses(model, batch).double()
            scores[torch.tensor(group)] = -torch.zeros(len(group), dtype=torch.float64).index_add(
                0, batch.owner, losses
            )
    found: list[float] = scores.tolist()
    return found


def _from_cache(start: Begun, tails: Sequence[Sequence[int]], *, opening: float) -> list[float]:
    """Scores of continuations of what was begun, padded, in batches of like length."""
    size = max(1, min(150, NUMBERS // (max(map(len, tails)) * start.model.config.vocab_size)))
    scores: dict[int, float] = {}
    with torch.inference_mode():
        for group in by_length([Encoded(tuple(tail), 1) for tail in tails], size=size):
            chosen = start.continued([tails[index] for index in group])
            scores.update((index, opening + value) for index, value in zip(group, chosen, strict=True))
    return [scores[index] for index in range(len(tails))]
