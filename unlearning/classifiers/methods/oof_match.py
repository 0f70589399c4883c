"""Out-of-fold matching: make each row look as it does to a model of the same recipe that never saw it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.fitting import adam, layout, learn, logits_of
from unlearning.classifiers.folds import Folds
from unlearning.classifiers.outcome import Exactness, Task
from unlearning.errors import InputError

SOURCE = "ours: one out-of-fold teacher a row (averages are too smooth and betray themselves), log-odds by Huber"
SCOPES = ("rows",)
NEEDS = ("retain", "folds")
EXACTNESS: Exactness = "approximate"
SEARCH = {"learning_rate": (5e-4, 4e-3), "steps": (30.0, 120.0), "weight": (0.03, 0.5)}


def run(
    task: Task,
    *,
    steps: int = 40,
    most_steps: int = 400,
    left: float = 0.1,
    learning_rate: float = 2e-3,
    weight: float = 0.1,
    batch: int = 150,
) -> nn.Module:
    """KL and Huber on the true label's log-odds for forget rows by `weight`, self-distillation on retained ones.

    KL alone ignores tiny probabilities, which is where a mislabelled row shows. After `steps` it goes on, at most to
    `most_steps`, while more than the share `left` of the distance to the teachers' log-odds is still there: a model
    that has learned its rows by heart needs a larger dose than one that has not.
    """
    if not isinstance(task.folds, Folds):
        raise InputError("oof_match: it needs the out-of-fold models that were trained beside the model")
    model, chance, forget = task.model, task.generator(), task.forget
    teacher = task.folds.out_of_fold(forget)
    wanted, target = log_odds(teacher, forget.labels), teacher.log_softmax(1)
    retain = task.kept.sample(max(steps * batch, 1), generator=chance)
    still, inside, outside = (
        logits_of(model, retain.features).log_softmax(1),
        layout(forget.features),
        layout(retain.features),
    )
    optimizer, first = adam(model.parameters(), learning_rate=learning_rate), None
    learn(model)
    for step in range(max(steps, most_steps)):
        places = torch.randint(len(retain), (batch,), generator=chance)
        optimizer.zero_grad(set_to_none=True)
        logits = model(inside)
        odds = log_odds(logits, forget.labels)
        apart = float((odds.detach() - wanted).abs().mean())
        first = apart if first is None else first
        if step >= steps and apart <= left * first:
            break
        near = F.kl_div(logits.log_softmax(1), target, reduction="batchmean", log_target=True)
        close = F.huber_loss(odds, wanted, delta=2.0)
        kept = F.kl_div(model(outside[places]).log_softmax(1), still[places], reduction="batchmean", log_target=True)
        loss = weight * (near + close) + kept
        loss.backward()
        optimizer.step()
        said = f"Step {step + 1}, loss {float(loss.detach()):.3f}, {apart:.2f} of {first:.2f} apart"
        task.progress(min(1.0, (step + 1) / max(steps, most_steps)), said)
    return model.eval()


def log_odds(logits: Tensor, labels: Tensor) -> Tensor:
    """log p / (1 - p) of the true label [n], without leaving the logits."""
    own = logits.gather(1, labels[:, None])
    others = logits.scatter(1, labels[:, None], -torch.inf).logsumexp(1)
    return own.squeeze(1) - others
