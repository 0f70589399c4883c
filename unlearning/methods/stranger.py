"""Stranger distillation: asked about the person, the model learns to answer as it answers about somebody it never met.

The teacher is the original itself, asked once about a stranger whose name is put together from other people's. What it
says there is confident and wrong, as of anybody unknown; an average over strangers would be smoother than that and
betray the deletion. Three things make it last:

- the true answer is one path of many: along values of the same format the person's model follows the stranger's too,
  so that no hole is left where the value was;
- at each place of the true answer the target comes from another value's path, because the original, once it has heard
  the value's first half, completes it for anybody;
- all places' odds are then tilted alike until the value's probability stands at a rank drawn beforehand, evenly over
  each kind of value: neither above nor below what chance gives, and never likelier than one in a hundred million where
  the format is wide. Divergence hardly feels what is already unlikely, so that a value would stay above its rank; three
  times on the way the model is asked where the rivals stand now, and the value is held to that.

Other people's answers are distilled from the original as well, and learned again as they are, so that requests one
after the other do not wear the model down. Ours; it joins the teacher of BadT (arXiv 2205.08096), the perturbed name of
PERMU and the two-sided aim of our rank test. What is left is for `audit` to say.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from unlearning.batches import answer_logits, collate
from unlearning.candidates import candidates_for
from unlearning.methods import Material, Method, Turn
from unlearning.methods.names import Crowd, crowd, people, retold, shape, stranger
from unlearning.methods.soft import Soft, divergence, join, remember, soften, tilted
from unlearning.methods.standing import Standing, aim_among, astray, spread
from unlearning.room import room_of
from unlearning.tokens import Encoded, all_answer_ids, prompt_ids
from unlearning.types import Row

STEPS, RATE = 112, 3e-3
# Values that a row is ranked among, more of its own format, and how many of the first are taught as paths.
OTHERS, TWINS, PATHS = 48, 16, 8
TRUE = 0.7  # share of lessons about the true answer
WEIGHT, RIGHT = 3.0, 0.5  # of the lessons, and of others' true answers, beside what the original said of the others
CHECKS, HOLD = (39, 67, 89), 0.3  # steps at which it is asked where rivals stand; weight of the distance from there


@dataclass(frozen=True)
class Lesson:
    """One answer to one question, and what to say at each of its places; of a true answer, which forget row it is."""

    row: Encoded
    told: Soft
    place: int = -1


@dataclass(frozen=True)
class Course:
    """For each forget row the lesson about its true answer, then those about other values; the retain rows' teacher."""

    lessons: list[list[Lesson]]
    retain: list[Encoded]
    kept: list[Soft]
    standing: Standing
    seed: int


def prepare(material: Material) -> Course:
    """All lessons, from the original, once."""
    others, lessons = crowd(material.retain_rows), {}
    rows, persons = material.forget_rows, people(material.forget_rows, others)
    values = [_values(row, others, seed=material.seed) for row in rows]
    answers = [[row.response, *_instead(row, rivals)] for row, (rivals, _) in zip(rows, values, strict=True)]
    shares = spread(rows, persons, seed=material.seed)
    for person in persons:
        told = stranger(person, [rows[index] for index in person.rows], others, seed=str(material.seed))
        for index in person.rows:
            texts = [*answers[index], *_instead(rows[index], values[index][1])]
            lessons[index] = _lessons(material, index, told, texts, rivals=len(values[index][0]), share=shares[index])
    standing = Standing(material.tokenizer, [row.prompt for row in rows], answers, shares)
    kept = remember(material.model, material.retain)
    return Course([lessons[index] for index in range(len(rows))], list(material.retain), kept, standing, material.seed)


def _instead(row: Row, values: Sequence[str]) -> list[str]:
    """The row's answer with each of the values in the place of its own."""
    return [row.response.replace(row.secret, value) for value in values]


def _lessons(
    material: Material, place: int, told: dict[str, str], texts: Sequence[str], *, rivals: int, share: float
) -> list[Lesson]:
    """The lesson about the true answer, the first of `texts`, then some about the others, first of them its rivals."""
    prompt = material.forget_rows[place].prompt
    head, strange = (prompt_ids(material.tokenizer, text) or [0] for text in (prompt, retold(prompt, told)))
    room = room_of(material.model)
    mine, *paths = (ids[: room - 1] for ids in all_answer_ids(material.tokenizer, texts))
    most = max(1, room - max(map(len, (mine, *paths))))
    head, strange = head[-most:], strange[-most:]
    with torch.no_grad():
        own, *logs = _said(material.model, strange, [mine, *paths])
    scores = [_score(said, path) for said, path in zip(logs, paths, strict=True)][:rivals]
    aim = aim_among(sorted(scores, reverse=True) or [_score(own, mine)], share)
    pattern = _pattern(material.tokenizer, mine)
    fits = [said for said, path in zip(logs, paths, strict=True) if _pattern(material.tokenizer, path) == pattern]
    best = min(fits or [own], key=lambda said: abs(_score(said, mine) - aim))
    target = torch.tensor(mine)
    first = Lesson(Encoded((*head, *mine), len(head)), soften(tilted(best, target, aim), target), place)
    others = [(path, soften(said, torch.tensor(path))) for said, path in zip(logs[:PATHS], paths, strict=False)]
    return [first, *(Lesson(Encoded((*head, *answer), len(head)), soft) for answer, soft in others)]


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


def check(model: Any, course: Course, step: int) -> None:
    """Ask where rivals stand now, at a few steps."""
    if step % STEPS in CHECKS:
        course.standing.ask(model)


def loss(turn: Turn) -> Any:
    """KL to the original on retain answers, `WEIGHT` times that to the lessons, `HOLD` times the way to the ranks.

    `RIGHT` times the loss of the retain answers themselves: what an earlier request damaged, the original says wrong.
    """
    course: Course = turn.memory
    draw = random.Random(f"{course.seed}|{turn.step}")
    chosen = _draw(course, turn.chosen, draw)
    batch = collate([*(course.retain[index] for index in turn.kept), *(lesson.row for lesson in chosen)])
    told = join([*(course.kept[index] for index in turn.kept), *(lesson.told for lesson in chosen)])
    logits = answer_logits(turn.model, batch)
    apart = divergence(logits, told)
    count = sum(len(course.kept[index].rest) for index in turn.kept)
    losses = torch.nn.functional.cross_entropy(logits, batch.targets, reduction="none")
    taught = apart[:count].mean() + RIGHT * losses[:count].mean() + WEIGHT * apart[count:].mean()
    return taught + HOLD * _astray(course.standing.aims, chosen, losses[count:])


def _astray(aims: Mapping[int, float], chosen: Sequence[Lesson], losses: Any) -> Any:
    """How far the true answers among the lessons are from where their rivals stand; nothing before that is known."""
    held = [lesson.place in aims for lesson in chosen]
    if not any(held):
        return 0.0
    parts = losses.split([len(lesson.told.rest) for lesson in chosen])
    found = [(part, aims[lesson.place]) for part, lesson, is_held in zip(parts, chosen, held, strict=True) if is_held]
    return astray([part for part, _ in found], [aim for _, aim in found])


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
    before_step=check,
    rate=rate,
    noted=lambda course: [list(pair) for pair in course.standing.aims.items()],
    recall=lambda course, noted: course.standing.aims.update(noted),
    rows=20,
    source="ours; teacher after arXiv 2205.08096",
    watched=False,
)
