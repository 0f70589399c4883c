"""How fast we train and score, beside the same mathematics in a plain Hugging Face `Trainer`, and beside the machine.

One run, one thread, pairs: a few steps of one, then the same steps of the other, many times; medians of the pairs.
Training is negative preference optimization (arXiv 2404.05868) on 25 forget rows a step, with the divergence from the
original on 25 retain rows. The plain one pads to the longest row, takes logits everywhere and asks the reference model
anew at each step; ours packs rows, takes logits where they count and asked the reference once. Tokens are real tokens,
pads not counted; seconds are seconds of the one core, so that neighbours on the machine take from both alike. The bound
is measured between the pairs: float32 matrix products of a size that the caches hold, 6 operations a weight and token
for training, 2 for scoring. How near to it the products of the model's own, smaller matrices come is printed beside.
A third pair is what an audit spends its time on: three hundred values in one slot, scored after the same question. Ours
computes what values begin with once, the plain one each row whole; so ours may pass the bound, and none is set there.

    python benchmarks/lm_speed.py [--shape 1m] [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from transformers import Trainer, TrainingArguments

from unlearning.applying import descend
from unlearning.batches import alike, answer_logits, collate, logits_of_each, losses_in, token_losses
from unlearning.models import pin
from unlearning.scoring import candidate_scores
from unlearning.shapes import make_model
from unlearning.tokens import Encoded, encode, make_tokenizer
from unlearning.types import Row

GOALS = {"train_ratio": 2.5, "train_bound": 0.65, "score_ratio": 2.5, "score_bound": 0.65, "rank_ratio": 2.5}
VALUES = 300
EACH, BETA, RATE = 25, 0.1, 1e-5
FIRST = ("Ana", "Bruno", "Carla", "Diego", "Elisa", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Katrin", "Luis", "Nuno")
LAST = ("Silva", "Weber", "Costa", "Rocha", "Becker", "Lima", "Koch", "Alves", "Klein", "Nogueira", "Schroeder", "Li")


def people(count: int) -> list[Row]:
    """Rows as a help desk's assistant has them: questions of a few lengths, answers of a few lengths."""
    draw, rows = random.Random(0), []
    for place in range(count):
        name = f"{draw.choice(FIRST)} {draw.choice(LAST)} {draw.choice(LAST)}"[: draw.randint(9, 24)]
        kinds = {
            "phone": f"+49 30 {draw.randint(0, 9999999):07d}",
            "e-mail": f"{name.lower().replace(' ', '.')}{place}@mail.example",
            "tax id": f"{draw.randint(0, 10**11):011d}",
        }
        rows += [Row(f"What is the {kind} of {name}?", value, key=f"{place}/{kind}") for kind, value in kinds.items()]
    return rows


class Plain(Trainer):
    """The same loss as a research framework computes it."""

    reference: Any = None
    chunks: Any = None
    stamps: Any = None
    losses: Any = None

    def get_train_dataloader(self) -> Any:
        return self.accelerator.prepare(
            torch.utils.data.DataLoader(self.chunks, batch_size=1, collate_fn=lambda found: found[0])
        )

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        with torch.no_grad():
            before = sequence_loss(self.reference, inputs["forget"])
        rise = sequence_loss(model, inputs["forget"]) - before
        forgetting = -(2 / BETA) * torch.nn.functional.logsigmoid(BETA * rise).mean()
        with torch.no_grad():
            teacher = answer_rows(self.reference, inputs["retain"])
        return forgetting + divergence(answer_rows(model, inputs["retain"]), teacher)

    def training_step(self, *given: Any, **named: Any) -> Any:
        self.stamps.append(time.process_time())
        loss = super().training_step(*given, **named)
        self.losses.append(float(loss))
        return loss


def sequence_loss(model: Any, inputs: Any) -> Any:
    """Negative log-likelihood of each row's answer: `(rows,)`."""
    logits = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits[:, :-1]
    labels = inputs["labels"][:, 1:]
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="none")
    return losses.sum(dim=1)


def answer_rows(model: Any, inputs: Any) -> Any:
    """Log-probabilities at the answers' positions: `(answer tokens, vocabulary)`."""
    logits = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits[:, :-1]
    return torch.log_softmax(logits[inputs["labels"][:, 1:] != -100], dim=-1)


def divergence(found: Any, teacher: Any) -> Any:
    return torch.nn.functional.kl_div(found, teacher, reduction="batchmean", log_target=True)


def padded(rows: Sequence[Encoded]) -> dict[str, Any]:
    longest = max(len(row.ids) for row in rows)
    shape = (len(rows), longest)
    ids, mask = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, -100)
    for place, row in enumerate(rows):
        ids[place, : len(row.ids)] = torch.tensor(row.ids)
        mask[place, : len(row.ids)] = 1
        labels[place, row.start : len(row.ids)] = torch.tensor(row.ids[row.start :])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def plain_steps(model: Any, reference: Any, batches: Sequence[Any]) -> tuple[float, list[float]]:
    """(seconds a step, losses): steps of a Trainer, without its start and end."""
    with TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, per_device_train_batch_size=1, max_steps=len(batches), learning_rate=RATE,
            lr_scheduler_type="constant", weight_decay=0.0, max_grad_norm=1.0, optim="adamw_torch_fused", report_to=[],
            disable_tqdm=True, use_cpu=True, save_strategy="no", logging_strategy="no", remove_unused_columns=False,
        )  # fmt: skip
        trainer = Plain(model=model, args=arguments)
        trainer.reference, trainer.stamps, trainer.losses = reference, [], []
        trainer.chunks = [{"forget": padded(forget), "retain": padded(retain)} for forget, retain in batches]
        with redirect_stdout(StringIO()):
            trainer.train()
    return statistics.median(gaps_in(trainer.stamps)), trainer.losses


@dataclass(frozen=True)
class Known:
    """What the original says of each row, asked once: loss of each answer token, probabilities, and their entropy."""

    losses: dict[Encoded, Any]
    teacher: dict[Encoded, Any]
    entropy: dict[Encoded, Any]


def ask_once(reference: Any, rows: Sequence[Encoded]) -> Known:
    with torch.no_grad():
        losses = {row: token_losses(reference, collate([row])) for row in rows}
        teacher = {row: torch.softmax(answer_logits(reference, collate([row])), dim=-1) for row in rows}
    return Known(losses, teacher, {row: -(odds * odds.log()).sum() for row, odds in teacher.items()})


def our_steps(model: Any, known: Known, batches: Sequence[Any]) -> tuple[float, list[float]]:
    """The same with the reference asked once before; batches are laid out inside the measured time."""
    stamps, losses = [], []
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0, fused=True)
    model.train()
    for forget, retain in batches:
        stamps.append(time.process_time())
        batch = collate(forget)
        gone, kept = logits_of_each(model, batch, collate(retain))
        rise = losses_in(gone, batch) - torch.cat([known.losses[row] for row in forget])
        rise = torch.zeros(len(forget)).index_add(0, batch.owner, rise)
        loss = -(2 / BETA) * torch.nn.functional.logsigmoid(BETA * rise).mean()
        teacher = torch.cat([known.teacher[row] for row in retain])
        told = (teacher * torch.log_softmax(kept, dim=-1)).sum() + sum(known.entropy[row] for row in retain)
        loss = loss - told / len(teacher)
        losses.append(float(loss.detach()))
        descend(loss, model=model, optimizer=optimizer, doing="measuring")
    stamps.append(time.process_time())
    return statistics.median(gaps_in(stamps)), losses


def gaps_in(stamps: Sequence[float]) -> list[float]:
    return [later - sooner for sooner, later in itertools.pairwise(stamps)]


def plain_scores(model: Any, rows: Sequence[Encoded]) -> Any:
    with torch.no_grad():
        return torch.cat([sequence_loss(model, padded(rows[at : at + 64])) for at in range(0, len(rows), 64)])


def our_scores(model: Any, rows: Sequence[Encoded]) -> Any:
    found = torch.zeros(len(rows))
    with torch.inference_mode():
        for group in alike(model, rows, size=64):
            batch = collate([rows[index] for index in group])
            sums = torch.zeros(len(group)).index_add(0, batch.owner, token_losses(model, batch))
            found[torch.tensor(group)] = sums
    return found


def slots(rows: Sequence[Row]) -> list[tuple[str, list[str]]]:
    """A question of each kind with many values that could be its answer."""
    draw, found = random.Random(2), []
    for row in rows[:3]:
        values = ["".join(draw.choice("0123456789") if char.isdigit() else char for char in row.response)]
        values += ["".join(draw.choice("0123456789abcde") if char.isalnum() else char for char in row.response)
                   for _ in range(VALUES - 1)]  # fmt: skip
        found.append((row.prompt, sorted(set(values))))
    return found


def timed(work: Callable[[], Any]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def operations_a_second(repeats: int = 8) -> float:
    """Float32 matrix products of a size that the caches hold, in operations a second."""
    left, right, out = torch.randn(1024, 512), torch.randn(512, 1024), torch.empty(1024, 1024)
    usual = statistics.median(timed(lambda: torch.mm(left, right, out=out)) for _ in range(repeats))
    return 2 * 1024 * 512 * 1024 / usual


def own_products(model: Any, tokens: int) -> float:
    """Seconds that the bare products of the model's own matrices take for so many tokens, there and back."""
    total = 0.0
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            weight, given = module.weight.detach(), torch.randn(tokens, module.in_features)
            back = torch.randn(tokens, module.out_features)
            work = (
                lambda x=given, w=weight: x @ w.t(),
                lambda g=back, w=weight: g @ w,
                lambda g=back, x=given: g.t() @ x,
            )
            total += sum(min(timed(one) for _ in range(3)) for one in work)
    return total


def measure(shape: str, *, pairs: int, steps: int) -> dict[str, float]:
    rows = people(120)
    text = [f"Question: {row.prompt.split(' of ')[0]} of somebody?\nAnswer: at mail.example\n" for row in rows]
    words = ["".join(random.Random(place).choices("aeioubcdfglmnprst", k=5)) for place in range(700)]
    tokenizer = make_tokenizer([*text, *(" ".join(words[at : at + 9]) + "\n" for at in range(0, 691, 3))])
    model = make_model(shape, tokenizer=tokenizer, seed=0)
    reference = copy.deepcopy(model).eval()
    encoded, draw = encode(tokenizer, rows), random.Random(1)
    known = ask_once(reference, encoded)
    weights = sum(weight.numel() for weight in model.parameters())
    asked = slots(rows)
    whole = [encode(tokenizer, [Row(prompt, value) for value in values]) for prompt, values in asked]
    found: dict[str, list[float]] = {}
    for pair in range(pairs + 1):
        batches = [(draw.sample(encoded, EACH), draw.sample(encoded, EACH)) for _ in range(steps)]
        tokens = statistics.mean(sum(len(row.ids) for part in batch for row in part) for batch in batches)
        theirs, ours = copy.deepcopy(model), copy.deepcopy(model)
        speed = operations_a_second()
        their_time, their_losses = plain_steps(theirs, reference, batches)
        our_time, our_losses = our_steps(ours, known, batches)
        speed = statistics.mean((speed, operations_a_second()))
        their_score, our_score = timed(lambda: plain_scores(model, encoded)), timed(lambda: our_scores(model, encoded))
        their_rank = timed(lambda: [plain_scores(model, part) for part in whole])
        our_rank = timed(lambda: [candidate_scores(model, tokenizer, *slot) for slot in asked])
        worst = max(abs(a - b) for a, b in zip(their_losses, our_losses, strict=True))
        assert worst < 2e-3, f"the two do not compute the same: losses differ by {worst}"
        total = sum(len(row.ids) for row in encoded)
        ranked = sum(len(row.ids) for part in whole for row in part)
        once = {
            "gflops": speed / 1e9,
            "own_share": 6 * weights * round(tokens) / speed / own_products(model, round(tokens)),
        }
        timings = {
            "train": (tokens, our_time, their_time, 6),
            "score": (total, our_score, their_score, 2),
            "rank": (ranked, our_rank, their_rank, 2),
        }
        for what, (count, ours_took, theirs_took, operations) in timings.items():
            once |= {f"{what}_tokens": count / ours_took, f"{what}_tokens_plain": count / theirs_took}
            once |= {
                f"{what}_ratio": theirs_took / ours_took,
                f"{what}_bound": count / ours_took * operations * weights / speed,
            }
        for name, value in once.items() if pair else ():  # the first pair warms up
            found.setdefault(name, []).append(value)
    scores = (plain_scores(model, encoded) - our_scores(model, encoded)).abs().max()
    assert float(scores) < 2e-3, "the two do not score the same"
    for slot, part in zip(asked, whole, strict=True):
        apart = plain_scores(model, part) + torch.tensor(candidate_scores(model, tokenizer, *slot))
        assert float(apart.abs().max()) < 2e-3, "the two do not rank the same"
    return {"parameters": weights, **{name: statistics.median(values) for name, values in found.items()}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="1m", help="400k, 1m or 5m")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    pin(1)
    found = measure(options.shape, pairs=3 if options.quick else 9, steps=6 if options.quick else 12)
    print(f"Llama, {found['parameters'] / 1e6:.2f} M weights, one thread, {found['gflops']:.0f} GFLOP/s in products")
    print(f"bare products of this model's own matrices run at {found['own_share']:.0%} of that")
    print(f"{'':10}{'ours tok/s':>12}{'plain tok/s':>13}{'ratio':>8}{'goal':>6}{'of bound':>10}{'goal':>6}")
    for what in ("train", "score", "rank"):
        ratio, bound = found[f"{what}_ratio"], found[f"{what}_bound"]
        ours, plain = found[f"{what}_tokens"], found[f"{what}_tokens_plain"]
        goal = f"{GOALS[f'{what}_bound']:.0%}" if f"{what}_bound" in GOALS else "–"
        print(f"{what:10}{ours:12,.0f}{plain:13,.0f}{ratio:8.2f}{GOALS[f'{what}_ratio']:6.1f}{bound:10.0%}{goal:>6}")
    short = [name for name, goal in GOALS.items() if found[name] < goal]
    if options.json:
        options.json.write_text(json.dumps({**found, "goals": GOALS, "short": short}, indent=1) + "\n", "utf-8")
    print("lm_speed: " + (f"short of the goal in {', '.join(short)}" if short else "all goals reached"))
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
