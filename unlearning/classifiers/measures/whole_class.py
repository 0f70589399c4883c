"""Has a class gone: score, probe, one-vs-rest, relearning, divergence from retraining, and what has changed at all."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import accuracy, logits_of
from unlearning.classifiers.parts import inputs_of, linears


@dataclass(frozen=True)
class ClassReading:
    """Rates are shares from 0 to 1, relearning is in steps, divergences in nats (JS) and as a distance (KS)."""

    retained: float
    forgotten: float
    probe: float
    one_vs_rest: float
    relearn: int

    @property
    def score(self) -> float:
        """The Unlearning Score: retained accuracy minus recognition of what was to be forgotten."""
        return self.retained - self.forgotten


def read_class(
    model: nn.Module, label: int, *, probe_rows: Examples, test: Examples, relearn_rows: Examples
) -> ClassReading:
    """Measure on test data; `probe_rows` train the linear probe, `relearn_rows` (ten a class) the relearning."""
    mine = test.labels == label
    logits = logits_of(model, test.features)
    right = logits.argmax(1) == test.labels
    return ClassReading(
        retained=float(right[~mine].float().mean()),
        forgotten=float(right[mine].float().mean()),
        probe=probe(model, label, probe_rows, test),
        one_vs_rest=float(roc_auc_score(mine.numpy(), logits[:, label].numpy())),
        relearn=relearn_steps(model, label, relearn_rows, test.take(mine.nonzero().flatten())),
    )


def probe(model: nn.Module, label: int, fitted_on: Examples, test: Examples) -> float:
    """Recall of the class by a linear probe on the inputs of the head: what the features still tell."""
    head = linears(model, test.features)[-1]
    inside, outside = inputs_of(model, head, fitted_on.features), inputs_of(model, head, test.features)
    scale = inside.std(0).clamp_min(1e-6)
    fitted = LogisticRegression(max_iter=60, tol=1e-2).fit((inside / scale).numpy(), fitted_on.labels.numpy())
    mine = test.labels == label
    return float((fitted.predict((outside[mine] / scale).numpy()) == label).mean())


def relearn_steps(model: nn.Module, label: int, rows: Examples, of_class: Examples, *, most: int = 100) -> int:
    """Adam steps on `rows` until half of the class is recognised again; `most` when it is not."""
    taught = copy.deepcopy(model)
    optimizer = torch.optim.Adam(taught.parameters(), lr=1e-3)
    few = of_class.take(list(range(min(200, len(of_class)))))
    for step in range(1, most + 1):
        taught.train()
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(taught(rows.features), rows.labels).backward()
        optimizer.step()
        if accuracy(taught, few) >= 0.5:
            return step
    return most


def divergence(model: nn.Module, other: nn.Module, features: Tensor) -> float:
    """Mean Jensen-Shannon divergence of the two models' distributions over these rows, in nats."""
    p, q = logits_of(model, features).softmax(1), logits_of(other, features).softmax(1)
    middle = ((p + q) / 2).clamp_min(1e-12).log()
    one = (p * (p.clamp_min(1e-12).log() - middle)).sum(1)
    two = (q * (q.clamp_min(1e-12).log() - middle)).sum(1)
    return float(((one + two) / 2).mean())


def confidence_distance(model: nn.Module, other: nn.Module, features: Tensor) -> float:
    """Kolmogorov's distance between the two models' largest probabilities over these rows."""
    from scipy.stats import ks_2samp

    mine = logits_of(model, features).softmax(1).amax(1).numpy()
    return float(ks_2samp(mine, logits_of(other, features).softmax(1).amax(1).numpy()).statistic)


def only_head_changed(before: nn.Module, after: nn.Module, example: Tensor) -> bool:
    """Whether every tensor but the head's is as it was: masking an answer is suppression, not unlearning."""
    head = {id(p) for p in linears(before, example)[-1].parameters()}
    pairs = zip(before.named_parameters(), after.parameters(), strict=True)
    return all(torch.equal(old, new) for (_, old), new in pairs if id(old) not in head)
