"""A prefix of free vectors instead of words, learned on some forgotten facts and tried on others (arXiv 2402.09063).

No fact that the prefix was learned on is judged: it could carry the answer. The same is done with people never seen.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from unlearning.attacks.relearn import folds
from unlearning.batches import collate, token_losses
from unlearning.errors import NotApplicable
from unlearning.room import fitted, room_of
from unlearning.tokens import all_answer_ids, prompt_ids
from unlearning.types import Row

if TYPE_CHECKING:
    from unlearning.examined import Examined

LENGTH, STEPS, LEARNING_RATE = 8, 15, 0.05


def attack(examined: Examined, *, benign: Sequence[Row]) -> Examined:
    """One examination for each half of the facts, under a prefix learned on the other half."""
    facts = examined.facts
    strangers = facts.controls[: max(2, 2 * len(facts.person))]
    parts = [_with_prefix(examined, seen, person=asked) for seen, asked in folds(facts.person)]
    parts += [_with_prefix(examined, seen, controls=asked) for seen, asked in folds(strangers)[:1]]
    return replace(examined, parts=tuple(parts), kept={})


def _with_prefix(
    examined: Examined, seen: Sequence[Row], *, person: tuple[Row, ...] = (), controls: tuple[Row, ...] = ()
) -> Examined:
    marker = _unused(examined)
    model, prefix = softened(examined.model, length=LENGTH, marker=marker, seed=examined.seed)
    head = (marker,) * LENGTH
    learn(model, examined.tokenizer, seen, prefix=prefix, head=head)
    asked = replace(examined.facts, person=person, controls=controls)
    pool = (*examined.pool, *examined.facts.controls)
    return replace(examined, model=model, facts=asked, head=head, kept={}, pool=pool)


def softened(model: Any, *, length: int, marker: int, seed: int) -> tuple[Any, Any]:
    """The same model, weights shared, and `length` free vectors that stand where the id `marker` does: `(time, width)`.

    The vectors begin as a drawing of the model's own.
    """
    body = getattr(model, model.base_model_prefix)
    name = next((name for name, part in body._modules.items() if part is model.get_input_embeddings()), "")
    if not name:
        raise NotApplicable("attacking with free vectors: the model's input embedding is not where it is known to be")
    embedding = copy.copy(body._modules[name])
    draw = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(embedding.weight), (length,), generator=draw, device="cpu")
    prefix = torch.nn.Parameter(embedding.weight.detach()[chosen.to(embedding.weight.device)].clone())
    embedding._forward_hooks = OrderedDict()
    embedding.register_forward_hook(lambda _, given, found: _replaced(found, given[0] == marker, prefix))
    return _with(model, model.base_model_prefix, _with(body, name, embedding)), prefix


def _replaced(found: Any, marked: Any, prefix: Any) -> Any:
    """Embeddings `(row, time, width)` with the last marked places of each row taken by the free vectors."""
    if not bool(marked.any()):
        return found
    order = marked.flip(1).cumsum(1).flip(1)  # counted from the right, for padding stands left
    mine = marked & (order <= len(prefix))
    return torch.where(mine[..., None], prefix[(len(prefix) - order).clamp(0, len(prefix) - 1)], found)


def _with(module: Any, name: str, part: Any) -> Any:
    """The module's twin with one part of its own; the other parts are shared."""
    twin = copy.copy(module)
    twin._modules = {**module._modules, name: part}
    return twin


def learn(model: Any, tokenizer: Any, rows: Sequence[Row], *, prefix: Any, head: Sequence[int]) -> None:
    """Fit the free vectors alone to the rows' answers."""
    starts = [[*head, *prompt_ids(tokenizer, row.prompt)] for row in rows]
    ends = all_answer_ids(tokenizer, [row.response for row in rows])
    batch = collate([fitted(start, end, room=room_of(model)) for start, end in zip(starts, ends, strict=True)])
    optimizer = torch.optim.Adam([prefix], lr=LEARNING_RATE)
    for _ in range(STEPS):
        (prefix.grad,) = torch.autograd.grad(token_losses(model, batch).mean(), [prefix])
        optimizer.step()
    prefix.requires_grad_(False)


def _unused(examined: Examined) -> int:
    """An id that occurs in no question; answers may hold it, for only places before them are replaced."""
    rows = [row for scope in ("person", "controls") for row in examined.rows(scope)]
    used = {token for row in rows for token in prompt_ids(examined.tokenizer, row.prompt)}
    used |= {token for ids in all_answer_ids(examined.tokenizer, [row.response for row in rows]) for token in ids}
    return max(set(range(1, len(examined.model.get_input_embeddings().weight))) - used)
