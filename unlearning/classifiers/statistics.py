"""Running statistics (batch norm) hold every row that passed by: they are counted anew over the rows that stay."""

from __future__ import annotations

import torch
from torch import nn

from unlearning.classifiers.examples import Examples
from unlearning.classifiers.fitting import layout

MOST = 10_000  # rows that a mean and a variance are counted over: their error is a hundredth of the spread
COUNTED = "Running statistics (batch norm) were counted anew over {rows} retained rows: the old ones held the others."
LEFT = (
    "Running statistics (batch norm) still hold the forgotten rows' share: there were no retained rows to count them"
    " anew with; give them."
)


def running(model: nn.Module) -> list[nn.modules.batchnorm._NormBase]:
    """The layers that keep a mean and a variance of what passed by."""
    kinds = nn.modules.batchnorm._NormBase
    return [part for part in model.modules() if isinstance(part, kinds) and part.running_mean is not None]


def count_anew(model: nn.Module, retain: Examples | None, *, generator: torch.Generator) -> str:
    """Replace them in place by plain means over batches of at most MOST rows; what was done, or "" without any."""
    layers = running(model)
    if not layers:
        return ""
    if retain is None or len(retain) < 2:
        return LEFT
    was, momenta = model.training, [layer.momentum for layer in layers]
    model.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over the batches, whatever their number
        layer.train()
    features, some = layout(retain.features), torch.randperm(len(retain), generator=generator)[:MOST]
    with torch.no_grad():
        for places in some.tensor_split(-(-len(some) // 256)):  # alike in size: each counts as much
            model(features[places])
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    model.train(was)
    return COUNTED.format(rows=len(some))
