"""What a model says, and how likely it finds what it does not say: greedy answers, exact probabilities."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unlearning.batches import answer_logits, by_length, collate
from unlearning.tokens import Encoded, all_answer_ids, encode, prompt_ids, text_ids
from unlearning.types import Row

MIN_K = 0.2  # share of least likely tokens that Min-K%++ averages (arXiv 2404.02936)


@dataclass(frozen=True)
class RowScore:
    """One answer under the model: negative log-probability (nats), tokens, and how many are its first choice."""

    nll: float
    tokens: int
    matches: int
    suffix: int
    min_k: float

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


def score_rows(model: Any, tokenizer: Any, rows: Sequence[Row], *, size: int = 64) -> list[RowScore]:
    """Score each row's answer given its question, in batches of similar length."""
    encoded = encode(tokenizer, rows)
    scores: dict[int, RowScore] = {}
    with torch.inference_mode():
        for group in by_length(encoded, size=size):
            scores.update(zip(group, _score(model, [encoded[index] for index in group]), strict=True))
    return [scores[index] for index in range(len(rows))]


def _score(model: Any, rows: Sequence[Encoded]) -> list[RowScore]:
    batch = collate(rows)
    logs = torch.log_softmax(answer_logits(model, batch).float(), dim=-1)  # (tokens, vocabulary)
    chosen = logs.gather(1, batch.targets[:, None])[:, 0]
    right = logs.argmax(dim=-1) == batch.targets
    mean = (logs.exp() * logs).sum(dim=-1)
    spread = ((logs.exp() * logs.square()).sum(dim=-1) - mean.square()).clamp_min(1e-6).sqrt()
    unusual = (chosen - mean) / spread
    return [
        _row_score(chosen[batch.owner == row], right[batch.owner == row].tolist(), unusual[batch.owner == row])
        for row in range(len(rows))
    ]


def _row_score(chosen: Any, right: list[bool], unusual: Any) -> RowScore:
    suffix = next((place for place, match in enumerate(reversed(right)) if not match), len(right))
    lowest = unusual.sort().values[: max(1, int(len(right) * MIN_K))]
    return RowScore(-float(chosen.sum()), len(right), sum(right), suffix, float(lowest.mean()))


def candidate_scores(model: Any, tokenizer: Any, prompt: str, responses: Sequence[str]) -> list[float]:
    """Exact log-probability (nats) of each response after the same prompt; the prompt is computed once."""
    ids = prompt_ids(tokenizer, prompt) or [0]
    answers = all_answer_ids(tokenizer, responses)
    with torch.inference_mode():
        head = model(input_ids=torch.tensor([ids]), use_cache=True)
        first = torch.log_softmax(head.logits[0, -1].float(), dim=-1)  # (vocabulary,)
        scores: dict[int, float] = {}
        for group in by_length([Encoded(tuple(answer), 1) for answer in answers], size=150):
            cache = copy.deepcopy(head.past_key_values)
            cache.batch_repeat_interleave(len(group))
            chosen = _continue(model, [answers[index] for index in group], cache=cache, first=first, start=len(ids))
            scores.update(zip(group, chosen, strict=True))
    return [scores[index] for index in range(len(responses))]


def _continue(model: Any, answers: Sequence[Sequence[int]], *, cache: Any, first: Any, start: int) -> list[float]:
    """Log-probability of each answer after the cached prompt."""
    longest = max(len(answer) for answer in answers)
    ids, real = torch.zeros((len(answers), longest), dtype=torch.long), torch.zeros((len(answers), longest))
    for row, answer in enumerate(answers):
        ids[row, : len(answer)] = torch.tensor(answer)
        real[row, : len(answer)] = 1.0
    total = first[ids[:, 0]].double()
    if longest > 1:
        places = torch.arange(start, start + longest - 1)[None].expand(len(answers), -1)
        logits = model(input_ids=ids[:, :-1], past_key_values=cache, position_ids=places, use_cache=True).logits
        logs = torch.log_softmax(logits.float(), dim=-1).gather(2, ids[:, 1:, None])[:, :, 0]
        total = total + (logs * real[:, 1:]).sum(dim=1).double()
    found: list[float] = total.tolist()
    return found


def answers(
    model: Any, tokenizer: Any, prompts: Sequence[str], *, starts: Sequence[str] = (), longest: int = 40, size: int = 64
) -> list[str]:
    """Greedy answers to the prompts; `starts` puts first words into the model's mouth and is included."""
    heads = [prompt_ids(tokenizer, prompt) for prompt in prompts]
    if starts:
        heads = [head + text_ids(tokenizer, start) for head, start in zip(heads, starts, strict=True)]
    order = sorted(range(len(heads)), key=lambda index: len(heads[index]))
    texts: dict[int, str] = {}
    with torch.inference_mode():
        for begin in range(0, len(order), size):
            group = order[begin : begin + size]
            found = _greedy(model, tokenizer, [heads[index] for index in group], longest=longest)
            texts.update(zip(group, found, strict=True))
    begun = starts or [""] * len(heads)
    return [begun[index] + texts[index] for index in range(len(heads))]


def _greedy(model: Any, tokenizer: Any, heads: Sequence[Sequence[int]], *, longest: int) -> list[str]:
    """Padding stands left here, so that every row writes its next token in the same column."""
    width = max(len(head) for head in heads)
    ids = torch.zeros((len(heads), width), dtype=torch.long)
    mask = torch.zeros((len(heads), width), dtype=torch.long)
    for row, head in enumerate(heads):
        ids[row, width - len(head) :] = torch.tensor(head)
        mask[row, width - len(head) :] = 1
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    room = min(longest, getattr(model.config, "max_position_embeddings", 1 << 30) - width)
    output = model.generate(
        input_ids=ids, attention_mask=mask, do_sample=False, num_beams=1, max_new_tokens=max(1, room), pad_token_id=pad
    )
    return [str(text) for text in tokenizer.batch_decode(output[:, width:], skip_special_tokens=True)]
