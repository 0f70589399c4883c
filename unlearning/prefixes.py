"""A text that many continuations share goes through the model once; each continuation starts from its cache."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

NO_CACHE = "asked_without_cache"  # the attribute of a model that answers otherwise with its cache than without


@dataclass(frozen=True)
class Begun:
    """A model after `ids`: its cache, or None where the architecture keeps none that can be copied.

    `logits` `(time, vocabulary)` stand after each of the ids.
    """

    model: Any
    ids: Sequence[int]
    cache: Any
    logits: Any

    def log_probability_of_last(self, count: int) -> float:
        """Of the last `count` ids, given those before them, in nats."""
        if not count:
            return 0.0
        logits = self.logits[-count - 1 : -1].float()
        chosen = torch.tensor(self.ids[-count:])[:, None]
        return float(torch.log_softmax(logits, dim=-1).gather(1, chosen).double().sum())

    def copies(self, count: int) -> Any:
        """The cache, `count` times over."""
        cache = copy.deepcopy(self.cache)
        cache.batch_repeat_interleave(count)
        return cache

    def continued(self, tails: Sequence[Sequence[int]]) -> list[float]:
        """Log-probability of each tail after what was begun, in nats."""
        longest = max(map(len, tails))
        ids, real = torch.zeros((len(tails), longest), dtype=torch.long), torch.zeros((len(tails), longest))
        for row, tail in enumerate(tails):
            ids[row, : len(tail)] = torch.tensor(tail)
            real[row, : len(tail)] = 1.0
        first = torch.log_softmax(self.logits[-1].float(), dim=-1)
        total = first[ids[:, 0]].double() * real[:, 0]
        if longest > 1:
            logs = self._later(ids)
            total = total + (logs * real[:, 1:]).sum(dim=1).double()
        found: list[float] = total.tolist()
        return found

    def _later(self, ids: Any) -> Any:
        """Log-probabilities of all ids but the first of each row: `(row, time - 1)`."""
        count, longest = ids.shape
        places = torch.arange(len(self.ids), len(self.ids) + longest - 1)[None].expand(count, -1)
        given = {"past_key_values": self.copies(count), "use_cache": True, **placed(self.model, places)}
        logits = self.model(input_ids=ids[:, :-1], **given).logits.float()  # (row, time, vocabulary)
        return logits.gather(2, ids[:, 1:, None])[:, :, 0] - torch.logsumexp(logits, dim=-1)


def begin(model: Any, ids: Sequence[int]) -> Begun:
    """Run `ids` through the model once."""
    with torch.inference_mode():
        output = model(input_ids=torch.tensor([list(ids)]), use_cache=True)
    return Begun(model, list(ids), cache_of(model, output), output.logits[0])


def cache_of(model: Any, output: Any) -> Any:
    """The cache that a pass left, or None where it cannot be copied or must not be trusted."""
    cache = getattr(output, "past_key_values", None)
    return cache if isinstance(cache, DynamicCache) and not getattr(model, NO_CACHE, False) else None


def placed(model: Any, places: Any) -> dict[str, Any]:
    """Positions `(row, time)` for models that take them; others count for themselves."""
    return {"position_ids": places} if "position_ids" in inspect.signature(model.forward).parameters else {}


def shared_start(answers: Sequence[Sequence[int]]) -> int:
    """How many ids all answers begin with; at least one id of each is left over."""
    shortest = min(map(len, answers)) - 1
    for place in range(shortest):
        if len({answer[place] for answer in answers}) > 1:
            return place
    return max(0, shortest)
