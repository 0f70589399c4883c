"""What a classifier answers: a row of logits for each row asked; and a way there for networks that answer otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from unlearning.errors import ModelError


def layout(features: Tensor) -> Tensor:
    """Images in the memory order that small convolutions like best on a CPU."""
    return features.contiguous(memory_format=torch.channels_last) if features.dim() == 4 else features


class Logits(nn.Module):
    """A network that answers with a tuple, a dictionary or one logit, as one that answers with logits [n, classes].

    `output` names the entry (a place or a key); without it, `logits` or the first is taken. One logit z of two classes
    becomes (0, z): its cross-entropy is the binary one, so that training, methods and audits mean the same. Its weights
    are the network's own; `inner` is the network. Errors: ModelError when there is no such entry.
    """

    def __init__(self, inner: nn.Module, *, output: int | str | None = None) -> None:
        super().__init__()
        self.inner, self.output = inner, output

    def forward(self, rows: Tensor) -> Tensor:
        """Logits [n, classes]."""
        said = _entry(self.inner(rows), self.output)
        if not isinstance(said, Tensor):
            raise ModelError("asking a classifier: what was chosen of its answer is no tensor; name its logits")
        if said.dim() == 1:
            said = said[:, None]
        return torch.cat([torch.zeros_like(said), said], dim=1) if said.dim() == 2 and said.shape[1] == 1 else said


def _entry(said: Any, output: int | str | None) -> Any:
    if isinstance(said, Tensor):
        return said
    if output is None:
        output = "logits" if isinstance(said, Mapping) and "logits" in said else 0
        if isinstance(said, Mapping) and output == 0:
            said = tuple(said.values())
    try:
        return said[output]
    except (LookupError, TypeError):
        raise ModelError(
            "asking a classifier: its answer has no such entry; name the one that holds its logits"
        ) from None


def check(model: nn.Module, features: Tensor, *, classes: int) -> None:
    """ModelError unless the model answers two of these rows with finite logits [2, classes]; nothing of it changes."""
    few = features[:2]
    if not len(few):
        return
    shape = " x ".join(str(n) for n in features.shape[1:])
    was = {part: part.training for part in model.modules()}
    try:
        with torch.no_grad():
            said = model.eval()(layout(few))
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"asking a classifier about rows of {shape}: it raised {type(error).__name__}; try it in Python"
        ) from None
    finally:
        for part, training in was.items():
            part.training = training
    if not isinstance(said, Tensor) or tuple(said.shape) != (len(few), classes) or not bool(torch.isfinite(said).all()):
        raise ModelError(
            f"asking a classifier about rows of {shape}: it must answer {classes} finite logits a row, and answers"
            f" {_described(said)}; unlearning.classifiers.answers.Logits makes that of a tuple, a dictionary, one logit"
        )


def _described(said: Any) -> str:
    if not isinstance(said, Tensor):
        return f"a {type(said).__name__}"
    numbers = " x ".join(str(n) for n in said.shape)
    return f"{numbers} numbers for two rows" if bool(torch.isfinite(said).all()) else "what is no number"
