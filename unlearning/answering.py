"""What a model says: greedy or sampled answers, many at once; who has finished is not computed further."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import torch

from unlearning.prefixes import begin, cache_of, placed
from unlearning.room import room_of
from unlearning.tokens import prompt_ids, text_ids

TEMPERATURE, TOP_P = 0.8, 0.95  # how answers are drawn where nobody says otherwise
Choose = Callable[[Any], Any]  # logits (row, vocabulary) to the next ids (row,)


def answers(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[str],
    *,
    starts: Sequence[str] = (),
    head: Sequence[int] = (),
    longest: int = 40,
    size: int = 64,
) -> list[str]:
    """Greedy answers to the prompts; `starts` puts first words into the model's mouth and is included."""
    heads = [[*head, *prompt_ids(tokenizer, prompt)] for prompt in prompts]
    if starts:
        heads = [ids + text_ids(tokenizer, start) for ids, start in zip(heads, starts, strict=True)]
    room = max(1, room_of(model) - 1)
    heads = [(ids or [0])[-max(1, room - longest) :] for ids in heads]
    order = sorted(range(len(heads)), key=lambda index: len(heads[index]))
    texts: dict[int, str] = {}
    with torch.inference_mode():
        for start in range(0, len(order), size):
            group = order[start : start + size]
            found = _decoded(model, tokenizer, [heads[index] for index in group], longest=longest)
            texts.update(zip(group, found, strict=True))
    begun = starts or [""] * len(heads)
    return [begun[index] + texts[index] for index in range(len(heads))]


def sampled(
    model: Any,
    tokenizer: Any,
    prompt: str,
    *,
    count: int,
    seed: int,
    temperature: float = TEMPERATURE,
    top_p: float = TOP_P,
    head: Sequence[int] = (),
    longest: int = 40,
) -> list[str]:
    """`count` answers drawn from the model's distribution; the question goes through the model once."""
    ids = ([*head, *prompt_ids(tokenizer, prompt)] or [0])[-max(1, room_of(model) - longest) :]
    draw = torch.Generator().manual_seed(seed)
    start = begin(model, ids)

    def choose(logits: Any) -> Any:
        return _drawn(logits.float() / temperature, top_p=top_p, draw=draw)

    with torch.inference_mode():
        if start.cache is None:
            return _decoded(model, tokenizer, [ids] * count, longest=longest, choose=choose)
        mask = torch.ones((count, len(ids)), dtype=torch.long)
        first = start.logits[-1:].expand(count, -1)
        rows = _walk(
            model,
            first,
            cache=start.copies(count),
            mask=mask,
            longest=longest,
            ends=ends_of(model, tokenizer),
            choose=choose,
        )
    return [str(text) for text in tokenizer.batch_decode(rows, skip_special_tokens=True)]


def _drawn(logits: Any, *, top_p: float, draw: Any) -> Any:
    """One id per row, from the smallest set of ids whose probabilities add up to `top_p`."""
    chances = torch.softmax(logits, dim=-1)
    if top_p < 1.0:
        ordered, places = chances.sort(dim=-1, descending=True)
        beyond = ordered.cumsum(dim=-1) - ordered >= top_p
        chances = torch.zeros_like(chances).scatter(1, places, ordered.masked_fill(beyond, 0.0))
    return torch.multinomial(chances.cpu(), 1, generator=draw)[:, 0].to(chances.device)


def _first_choice(logits: Any) -> Any:
    return logits.argmax(dim=-1)


def _decoded(
    model: Any, tokenizer: Any, heads: Sequence[Sequence[int]], *, longest: int, choose: Choose = _first_choice
) -> list[str]:
    rows = written(model, heads, ends=ends_of(model, tokenizer), longest=longest, choose=choose)
    return [str(text) for text in tokenizer.batch_decode(rows, skip_special_tokens=True)]


def written(
    model: Any, heads: Sequence[Sequence[int]], *, ends: set[int], longest: int, choose: Choose = _first_choice
) -> list[list[int]]:
    """What the model writes behind each head, as ids, without the one that ends it.

    Padding stands left here, so that every row writes its next token in the same column.
    """
    width = max(len(head) for head in heads)
    ids, mask = torch.zeros((len(heads), width), dtype=torch.long), torch.zeros((len(heads), width), dtype=torch.long)
    for row, head in enumerate(heads):
        ids[row, width - len(head) :] = torch.tensor(head)
        mask[row, width - len(head) :] = 1
    places = (mask.cumsum(dim=1) - 1).clamp_min(0)
    output = model(input_ids=ids, attention_mask=mask, use_cache=True, **placed(model, places))
    cache = cache_of(model, output)
    if cache is None:
        return _anew(model, heads, longest=longest, ends=ends, choose=choose)
    return _walk(model, output.logits[:, -1], cache=cache, mask=mask, longest=longest, ends=ends, choose=choose)


def _walk(
    model: Any, logits: Any, *, cache: Any, mask: Any, longest: int, ends: set[int], choose: Choose
) -> list[list[int]]:
    """Token after token until each row has ended; rows that ended leave the batch when they are half of it."""
    said: list[list[int]] = [[] for _ in range(len(mask))]
    alive = list(range(len(mask)))
    for _ in range(longest):
        chosen = choose(logits)
        going = []
        for place, token in enumerate(chosen.tolist()):
            row = alive[place]
            if row >= 0 and token not in ends:
                said[row].append(token)
                going.append(place)
            else:
                alive[place] = -1
        if not going:
            break
        if len(going) <= len(alive) // 2:
            keep = torch.tensor(going)
            cache.batch_select_indices(keep)
            mask, chosen, alive = mask[keep], chosen[keep], [alive[place] for place in going]
        places = mask.sum(dim=1, keepdim=True)
        mask = torch.cat([mask, torch.ones((len(mask), 1), dtype=torch.long)], dim=1)
        given = {"attention_mask": mask, "past_key_values": cache, "use_cache": True, **placed(model, places)}
        logits = model(input_ids=chosen[:, None], **given).logits[:, -1]
    return said


def ends_of(model: Any, tokenizer: Any = None) -> set[int]:
    """Ids after which an answer is over."""
    holders = (getattr(model, "generation_config", None), model.config, tokenizer)
    named = [getattr(holder, "eos_token_id", None) for holder in holders]
    several = [token for one in named for token in (one if isinstance(one, list) else [one])]
    return {int(token) for token in several if token is not None}


def _anew(
    model: Any, heads: Sequence[Sequence[int]], *, longest: int, ends: set[int], choose: Choose
) -> list[list[int]]:
    """For architectures with a memory of their own kind: the whole text again for each token, rows of one length."""
    said: list[list[int]] = [list(head) for head in heads]
    for length in sorted({len(head) for head in heads}):
        alive = [row for row, head in enumerate(heads) if len(head) == length]
        for _ in range(longest):
            logits = model(input_ids=torch.tensor([said[row] for row in alive]), use_cache=False).logits[:, -1]
            chosen = dict(zip(alive, choose(logits).tolist(), strict=True))
            alive = [row for row in alive if chosen[row] not in ends]
            for row in alive:
                said[row].append(chosen[row])
            if not alive:
                break
    return [row[len(head) :] for row, head in zip(said, heads, strict=True)]


def seed_of(*words: object) -> int:
    """A number for a generator, from words that name what is drawn."""
    return random.Random("|".join(map(str, words))).getrandbits(31)
