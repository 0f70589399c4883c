"""Stranger distillation: asked about the person, the model learns to answer as it answers about somebody it never met.

The teacher is the original itself, asked once about a stranger whose name is put together from other people's. What it
says there is confident and wrong, as of anybody unknown; an average over strangers would be smoother than that and
betray the deletion. Three things make it last:

- the true answer is one path of many: along values of the same format the person's model follows the stranger's too,
  so that no hole is left where the value was;
- at each place of the true answer the target comes from another value's path, because the original, once it has heard
  the value's first half, completes it for anybody;
- all places' odds are then tilted alike until the value's probability stands at a rank drawn beforehand, evenly over
  all rows: neither above nor below what chance gives, and never likelier than one in a hundred million where the
  format is wide.

Other people's answers are distilled from the original as well. Ours; it joins the teacher of BadT (arXiv 2205.08096),
the perturbed name of PERMU and the two-sided aim of our rank test. What is left is for `audit` to say.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unlearning.batches import answer_logits, collate
from unlearning.candidates import candidates_for
from unlearning.methods import Material, Method, Turn
from unlearning.methods.names import Crowd, crowd, people, retold, shape, stranger
from unlearning.methods.soft import Soft, divergence, join, remember, soften
from unlearning.room import room_of
from unlearning.tokens import Encoded, all_answer_ids, prompt_ids
from unlearning.types import Row

STEPS, RATE = 112, 3e-3
# Values that a row is ranked among, more of its own format, and how many of the first are taught as paths.
OTHERS, TWINS, PATHS = 48, 16, 8
TRUE = 0.7  # share of lessons about the true answer
WEIGHT = 3.0  # of the lessons beside the retain rows
LIKELIEST, GUESSED = math.log(1e-8), math.log(1e-4)  # a value's cap, and from where on a format can be guessed


@dataclass(frozen=True)
class Lesson:
    """One answer to one question, and what to say at each of its places."""

    row: Encoded
    told: Soft


@dataclass(frozen=True)
class Course:
    """For each forget row the lesson about its true answer, then those about other values; the retain rows' teacher."""

    lessons: list[list[Lesson]]
    retain: list[Encoded]
    kept: list[Soft]
    seed: int


def prepare(material: Material) -> Course:
    """All lessons, from the original, once."""
    others, lessons = crowd(material.retain_rows), {}
    ranks = spread(len(material.forget_rows), seed=material.seed)
    for person in people(material.forget_rows, others):
        mine = [material.forget_rows[index] for index in person.rows]
        told = stranger(person, mine, others, seed=str(material.seed))
        for index, row in zip(person.rows, mine, strict=True):
            lessons[index] = _lessons(material, row, told, others, share=ranks[index])
    kept = remember(material.model, material.retain)
    return Course([lessons[index] for index in range(len(lessons))], list(material.retain), kept, material.seed)


def spread(count: int, *, seed: int) -> list[float]:
    """Where each row's value shall stand among its rivals, from 0 (likeliest) to 1: evenly, in random order."""
    shares = [(place + 0.5) / count for place in range(count)]
    random.Random(f"ranks|{seed}").shuffle(shares)
    return shares


def _lessons(material: Material, row: Row, told: dict[str, str], others: Crowd, *, share: float) -> list[Lesson]:
    """The lesson about the true answer first, then some about other values."""
    rivals, twins = _values(row, others, seed=material.seed)
    texts = [row.response, *(row.response.replace(row.secret, value) for value in (*rivals, *twins))]
    head, strange = (prompt_ids(material.tokenizer, text) or [0] for text in (row.prompt, retold(row.prompt, told)))
    room = room_of(material.model)
    mine, *paths = (ids[: room - 1] for ids in all_answer_ids(material.tokenizer, texts))
    most = max(1, room - max(map(len, (mine, *paths))))
    head, strange = head[-most:], strange[-most:]
    with torch.no_grad():
        own, *logs = _said(material.model, strange, [mine, *paths])
    scores = [_score(said, path) for said, path in zip(logs, paths, strict=True)][: len(rivals)]
    aim = _aim(sorted(scores, reverse=True) or [_score(own, mine)], share)
    pattern = _pattern(material.tokenizer, mine)
    fits = [said for said, path in zip(logs, paths, strict=True) if _pattern(material.tokenizer, path) == pattern]
    best = min(fits or [own], key=lambda said: abs(_score(said, mine) - aim))
    target = torch.tensor(mine)
    taught = [(mine, soften(tilted(best, target, aim), target))]
    taught += [(path, soften(said, torch.tensor(path))) for said, path in zip(logs[:PATHS], paths, strict=False)]
    return [Lesson(Encoded((*head, *answer), len(head)), soft) for answer, soft in taught]


def _values(row: Row, others: Crowd, *, seed: int) -> tuple[list[str], list[str]]:
    """Values that could have stood there, as they come, and some more that have the true value's format."""
    pool = others.rows.get(row.kind, ())
    drawn = candidates_for(row, pool=pool, given={}, count=4 * OTHERS, seed=seed + 1)
    distinct = list(dict.fromkeys(value for value in drawn if value != row.secret))
    alike = [value for value in distinct[OTHERS:] if shape(value) == shape(row.secret)]
    return distinct[:OTHERS], alike[:TWINS]


def _said(model: Any, head: Sequence[int], answers: Sequence[Sequence[int]]) -> list[Any]:
    """Log-probabilities of the original at each place of each answer: `(tokens, vocabulary)` each."""
    batch = collate([Encoded((*head, *answer), len(head)) for answer in answers])
    logs = torch.log_softmax(answer_logits(model, batch).float(), dim=-1)
    return list(logs.split([len(answer) for answer in answers]))


def _score(logs: Any, answer: Sequence[int]) -> float:
    """Log-probability of an answer under `logs`."""
    return float(logs.gather(1, torch.tensor(answer)[:, None]).sum())


def _pattern(tokenizer: Any, ids: Sequence[int]) -> tuple[Any, ...]:
    """Tokens of an answer with digits masked: where two answers have the same, their places correspond."""
    return tuple(shape(text) if (text := tokenizer.decode([token])).strip().isdigit() else token for token in ids)


def _aim(scores: Sequence[float], share: float) -> float:
    """The log-probability at that share of `scores`, which fall; capped where the format cannot be guessed."""
    place = min(max(share * len(scores) - 0.5, 0.0), len(scores) - 1.0)
    low, middle = scores[math.floor(place)], scores[len(scores) // 2]
    aim = low + (place - math.floor(place)) * (scores[math.ceil(place)] - low)
    return min(aim, max(LIKELIEST, middle)) if middle < GUESSED else aim


def tilted(logs: Any, targets: Any, aim: float) -> Any:
    """`logs` with the odds of `targets` changed by one factor everywhere, so that their log-probabilities sum to `aim`.

    Both shapes as in `soften`; the sum falls as the factor falls, so bisection finds it.
    """
    own = logs.double().gather(1, targets[:, None])[:, 0].clamp(max=-1e-9)
    low, high = -60.0, 60.0
    for _ in range(50):
        middle = (low + high) / 2
        reached = own + middle - torch.logaddexp(torch.log(-torch.expm1(own)), own + middle)
        low, high = (middle, high) if float(reached.sum()) < aim else (low, middle)
    push = torch.full((len(targets), 1), low, dtype=torch.double)
    return torch.log_softmax(logs.double().scatter_add(1, targets[:, None], push), dim=-1).to(logs)


def loss(turn: Turn) -> Any:
    """KL to the original on retain answers plus `WEIGHT` times the KL to the lessons, in one forward pass."""
    course: Course = turn.memory
    draw = random.Random(f"{course.seed}|{turn.step}")
    chosen = _draw(course, turn.chosen, draw)
    batch = collate([*(course.retain[index] for index in turn.kept), *(lesson.row for lesson in chosen)])
    told = join([*(course.kept[index] for index in turn.kept), *(lesson.told for lesson in chosen)])
    apart = divergence(answer_logits(turn.model, batch), told)
    count = sum(len(course.kept[index].rest) for index in turn.kept)
    return apart[:count].mean() + WEIGHT * apart[count:].mean()


def _draw(course: Course, rows: Sequence[int], draw: random.Random) -> list[Lesson]:
    """About as many lessons as half the forget rows, at least eight and at most thirty-two."""
    count = max(8, min(32, round(0.56 * len(course.lessons))))
    picked = draw.choices(rows, k=count) if len(rows) < count else draw.sample(rows, count)
    return [_lesson(course.lessons[index], draw) for index in picked]


def _lesson(lessons: Sequence[Lesson], draw: random.Random) -> Lesson:
    return lessons[0] if draw.random() < TRUE or len(lessons) == 1 else draw.choice(lessons[1:])


def rate(part: float) -> float:
    """A short warm-up, then a cosine down to a fiftieth."""
    return min(1.0, 0.1 + 12 * part) * (0.02 + 0.98 * (1 + math.cos(math.pi * part)) / 2)


METHOD = Method(
    loss,
    rounds=1,
    forget_steps=STEPS,
    learning_rate=RATE,
    prepare=prepare,
    rate=rate,
    rows=20,
    source="ours; teacher after arXiv 2205.08096",
    watched=False,
)
