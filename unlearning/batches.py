"""Batches with few pad tokens, and the loss on answer tokens alone.

Padding stands right of the text and attention is causal, so that no mask is needed: what comes later cannot change what
came before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unlearning.tokens import Encoded

# Architectures whose logits are the output embedding applied to the last hidden state and nothing else (no scaling, no
# cap): there only the positions that count go through the vocabulary matrix.
PLAIN_HEAD = frozenset({"llama", "gpt2", "mistral", "qwen2", "qwen3", "gpt_neox", "phi"})


@dataclass(frozen=True)
class Batch:
    """Ids `(row, time)`; `where` `(row, time - 1)` marks positions whose next token is part of an answer."""

    ids: Any
    where: Any
    owner: Any

    @property
    def targets(self) -> Any:
        """The answer tokens, row after row: `(tokens,)`."""
        return self.ids[:, 1:][self.where]


def collate(rows: Sequence[Encoded]) -> Batch:
    """Pad rows to the longest of them; `owner` `(tokens,)` says to which row each answer token belongs."""
    longest = max(len(row.ids) for row in rows)
    ids = torch.zeros((len(rows), longest), dtype=torch.long)
    where = torch.zeros((len(rows), longest - 1), dtype=torch.bool)
    for index, row in enumerate(rows):
        ids[index, : len(row.ids)] = torch.tensor(row.ids)
        where[index, row.start - 1 : len(row.ids) - 1] = True
    return Batch(ids, where, where.nonzero()[:, 0])


def by_length(rows: Sequence[Encoded], *, size: int) -> Iterator[list[int]]:
    """Indexes of rows in groups of at most `size` and of similar length."""
    order = sorted(range(len(rows)), key=lambda index: len(rows[index].ids))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def answer_logits(model: Any, batch: Batch) -> Any:
    """Logits that predict the answer tokens: `(tokens, vocabulary)`."""
    if model.config.model_type in PLAIN_HEAD:
        body = getattr(model, model.base_model_prefix)
        hidden = body(input_ids=batch.ids, use_cache=False).last_hidden_state  # (row, time, width)
        return model.get_output_embeddings()(hidden[:, :-1][batch.where])
    return model(input_ids=batch.ids, use_cache=False).logits[:, :-1][batch.where]


def token_losses(model: Any, batch: Batch) -> Any:
    """Cross-entropy of each answer token, in nats: `(tokens,)`."""
    return torch.nn.functional.cross_entropy(answer_logits(model, batch), batch.targets, reduction="none")
