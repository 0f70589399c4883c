"""Several processes at one `unlearn`: each computes its share of every batch, all hold the same model afterwards.

All processes run the same program with the same draws. Where a loss is computed (`divided`), each passes only its rows
through the model, and all exchange the logits, so that every method's mathematics sees whole batches; gradients are
averaged before each step. What is decided by the clock or by a measurement is decided by the first process and told
(`agreed`). With FSDP (Zhao et al., arXiv 2304.11277, as `torch.distributed.fsdp.fully_shard`) weights, gradients and
moments are held in shares too. Only the first process writes.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import distributed

from unlearning.batches import Batch, forwarding
from unlearning.devices import use
from unlearning.errors import ProcessLost

_Value = TypeVar("_Value")

# Methods shown to end with the same weights where these are held in shares; others look at whole weights or layers.
IN_SHARES = frozenset({"npo", "simnpo", "gradient_ascent", "gradient_difference", "alternating_wga", "undial"})

NETWORK = ("gloo", "nccl", "connection closed by peer", "connection reset by peer", "connection refused")
GONE = (
    "working in several processes: one of them ended, or all were told to end; nothing was promoted; start the same "
    "command again: it goes on from the last state saved, with weights in shares (FSDP) from the beginning"
)


@dataclass(frozen=True)
class Together:
    """Which of how many processes this one is, and whether weights are held in shares."""

    rank: int
    size: int
    shares: bool

    @property
    def is_first(self) -> bool:
        """Whether this process writes and speaks."""
        return self.rank == 0


_ALONE = Together(0, 1, shares=False)
_TOGETHER: ContextVar[Together | None] = ContextVar("together", default=None)


def here() -> Together:
    """This process among those that joined."""
    return _TOGETHER.get() or _ALONE


@contextmanager
def joined() -> Iterator[Together]:
    """Join the processes that the launcher started, over the network of its choice, for as long as the block runs."""
    from accelerate import PartialState

    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"  # every process reads the weights, then keeps its share
    state = PartialState(cpu=not torch.cuda.is_available())
    shares = os.environ.get("ACCELERATE_USE_FSDP", "").lower() in ("1", "true")
    if state.device.type != "cpu":
        use(str(state.device))
    before = _TOGETHER.set(Together(state.process_index, state.num_processes, shares))
    told = signal.signal(signal.SIGTERM, _ended)  # what launchers send to those that are left
    try:
        yield here()
        distributed.destroy_process_group()
    except RuntimeError as error:
        if not _is_of_the_network(error):
            raise
        raise ProcessLost(GONE) from None
    finally:
        signal.signal(signal.SIGTERM, told)
        _TOGETHER.reset(before)


def _ended(*_: Any) -> None:
    raise ProcessLost(GONE)


def _is_of_the_network(error: RuntimeError) -> bool:
    """Whether an exchange failed because the other side is not there; backends have no type of their own for it."""
    return isinstance(error, distributed.DistError) or any(sign in str(error).lower() for sign in NETWORK)


@contextmanager
def room(folder: Path) -> Iterator[Path]:
    """Where this process writes: the first at `folder`, the others beside nobody, in a folder that goes with them."""
    if here().is_first:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="unlearning-") as made:
        yield Path(made) / folder.name


def agreed(value: _Value) -> _Value:
    """What the first process says, in every process."""
    if here().size == 1:
        return value
    told = [value]
    distributed.broadcast_object_list(told, src=0)
    return told[0]


@contextmanager
def divided() -> Iterator[None]:
    """Within the block each process passes its rows of a batch alone, and the logits of all are put together."""
    if here().size == 1:
        yield
        return
    with forwarding(_in_shares):
        yield


def average(model: Any) -> None:
    """Average the gradients over all processes; shares of weights have done so themselves."""
    if here().size == 1 or here().shares:
        return
    for weight in model.parameters():
        if weight.requires_grad:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
            distributed.all_reduce(weight.grad)
            weight.grad.div_(here().size)


def averaged(gradients: dict[str, Any]) -> dict[str, Any]:
    """The same for gradients that were taken apart from the weights."""
    if here().size > 1 and not here().shares:
        for gradient in gradients.values():
            distributed.all_reduce(gradient)
            gradient.div_(here().size)
    return gradients


def share(model: Any) -> Any:
    """Hold the weights in shares, layer by layer, where the launcher asked for it."""
    if not here().shares:
        return model
    from torch.distributed.fsdp import fully_shard

    for layer in _layers(model):
        fully_shard(layer)
    # Left together after a pass without gradients, embeddings would take none in the next pass either.
    return fully_shard(model, reshard_after_forward=True)


def whole(model: Any, opened: Callable[[], Any]) -> Any:
    """Put the shares together, in a model of the same shape that `opened` gives; without shares the model itself."""
    if not here().shares:
        return model
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    filled = opened()
    filled.load_state_dict(get_model_state_dict(model, options=StateDictOptions(full_state_dict=True)))
    return filled.eval()


def _layers(model: Any) -> list[Any]:
    """The blocks that transformers says must not be cut."""
    names = set(getattr(model, "_no_split_modules", None) or ())
    return [module for module in model.modules() if type(module).__name__ in names]


def _in_shares(model: Any, batch: Batch, forward: Any) -> Any:
    """Logits of all answer tokens, of which this process computed those of its rows: `(tokens, vocabulary)`."""
    rows = len(batch.ids)
    ends = [rows * (rank + 1) // here().size for rank in range(here().size)]
    spans = list(zip([0, *ends], ends, strict=False))
    counts = [int(((batch.owner >= begin) & (batch.owner < end)).sum()) for begin, end in spans]
    begin, end = spans[here().rank]
    few = begin == end  # fewer rows than processes: a row that counts nowhere, for all must take part in a pass
    mine = forward(model, rows_of(batch, 0, 1) if few else rows_of(batch, begin, end))[: counts[here().rank]]
    return torch.cat([mine if rank == here().rank else part for rank, part in enumerate(_exchanged(mine, counts))])


def _exchanged(mine: Any, counts: Sequence[int]) -> list[Any]:
    """Every process's tokens, of which only its own carry a gradient.

    All compute the same loss from the same logits, so that what reaches its own is the whole gradient of these; times
    the number of processes, because gradients are averaged later.
    """
    if mine.requires_grad:
        mine.register_hook(lambda gradient: gradient * here().size)
    sent = mine.new_zeros((max(counts), *mine.shape[1:]))
    sent[: len(mine)] = mine.detach()
    got = [torch.empty_like(sent) for _ in counts]
    distributed.all_gather(got, sent)
    return [part[:count] for part, count in zip(got, counts, strict=True)]


def rows_of(batch: Batch, begin: int, end: int) -> Batch:
    """Some of a batch's rows, as a batch no wider than they are."""
    owner = batch.owner[(batch.owner >= begin) & (batch.owner < end)] - begin
    lengths = batch.lengths[begin:end]
    longest = max(lengths, default=batch.ids.shape[1])
    return Batch(batch.ids[begin:end, :longest], batch.where[begin:end, : longest - 1], owner, lengths)
