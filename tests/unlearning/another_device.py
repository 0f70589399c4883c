"""A device that is not there: numbers lie on the CPU, but tensors say `lazy`; what a real device refuses, it refuses.

No machine of ours has a GPU. This stands in for one where mistakes are made: tensors of two devices in one operation, a
generator of the wrong device, arrays taken from a device. What kernels compute there, and how fast, it cannot show.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import torch
import transformers
from torch.optim import optimizer
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

NAME = "lazy"  # a device type that torch knows, with no library behind it here, whose gradients the CPU's queue takes
CROSSING = ("aten::copy_", "aten::_to_copy", "aten::_copy_from")  # what moves numbers between devices
INDEXING = ("aten::index.", "aten::index_put", "aten::_index_put_impl_")  # places may be named on the CPU


class Elsewhere(torch.Tensor):
    """A tensor that says it lies on the other device; its numbers are in `held`."""

    held: Any

    @staticmethod
    def __new__(cls, held: Any) -> Elsewhere:
        found = torch.Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype, device=NAME
        )
        found.held = held
        return found

    def tolist(self) -> Any:
        return self.held.tolist()

    def new_tensor(self, numbers: Any, **named: Any) -> Any:
        return torch.tensor(numbers, **{"dtype": self.dtype, "device": self.device, **named})

    def untyped_storage(self) -> Any:
        return self.held.untyped_storage()

    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(_places(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(_places(index), value)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return carried_out(func, args, kwargs or {})


def _places(index: Any) -> Any:
    """Lists of places as tensors, which a device does for itself."""
    if isinstance(index, tuple):
        return tuple(map(_places, index))
    return torch.tensor(index, device="cpu") if isinstance(index, list | range) else index


class Watching(TorchDispatchMode):
    """Sees also what is made on the device from nothing."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return carried_out(func, args, kwargs or {})


class Making(TorchFunctionMode):
    """Sees what is made from numbers, which torch writes on the CPU and moves."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in (torch.tensor, torch.as_tensor):
            return func(*args, **kwargs)
        asked = torch.device(kwargs.get("device") or NAME)
        found = func(*args, **{**kwargs, "device": "cpu"})
        return found if asked.type == "cpu" else found.to(NAME)


def carried_out(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """The operation on the numbers held, after asking whether a device would do it."""
    name, given = func.name(), tree_flatten((args, kwargs))[0]
    there = [one for one in given if isinstance(one, Elsewhere)]
    asked = kwargs.get("device")
    onto = asked is not None and torch.device(asked).type == NAME
    _check(name, given, there, onto=onto)
    if name == "aten::_fused_sdp_choice":
        return 0
    if asked is not None:
        kwargs = {**kwargs, "device": "cpu"}
    args, kwargs = tree_map(lambda one: one.held if isinstance(one, Elsewhere) else one, (args, kwargs))
    result = func(*args, **kwargs)
    stays = onto or (bool(there) and asked is None)
    if name == "aten::copy_":
        stays = isinstance(given[0], Elsewhere)
    known = {id(one.held): one for one in there}
    return tree_map(lambda one: _wrapped(one, known) if stays and isinstance(one, torch.Tensor) else one, result)


def _wrapped(held: Any, known: dict[int, Elsewhere]) -> Any:
    if isinstance(held, Elsewhere):
        return held
    return known[id(held)] if id(held) in known else Elsewhere(held)


def _check(name: str, given: list[Any], there: list[Any], *, onto: bool) -> None:
    for one in given:
        if isinstance(one, torch.Generator) and (onto or there):
            raise RuntimeError(f"{name}: a generator of the CPU draws numbers of the device")
    if not there or name in CROSSING:
        return
    here = [one for one in given if isinstance(one, torch.Tensor) and not isinstance(one, Elsewhere) and one.dim()]
    if here and not (name.startswith(INDEXING) and isinstance(given[0], Elsewhere)):
        raise RuntimeError(f"{name}: tensors of two devices in one operation")


def _tied(move: Any, model: Any, *given: Any, **named: Any) -> Any:
    """Moving a real tensor keeps its parameter, and so what two modules share; here that is tied anew."""
    found = move(model, *given, **named)
    found.tie_weights()
    return found


def _on_cpu(work: Any, *given: Any, **named: Any) -> Any:
    """Done in a thread of its own, where no other device is named and nothing watched."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work, *given, **named).result()


@contextmanager
def another_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within the block `--device` is the other one."""
    monkeypatch.setenv("HF_DEACTIVATE_ASYNC_LOAD", "1")
    monkeypatch.setattr(optimizer, "_get_fused_kernels_supported_devices", lambda: ["cpu", NAME])
    monkeypatch.setattr(torch, "inference_mode", torch.no_grad)  # there operations come whole, their parts unseen
    # Files are read to the CPU and the model is moved: nothing can be mapped onto a device that is not there.
    read = transformers.AutoModelForCausalLM.from_pretrained
    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", partial(_on_cpu, read))
    move = transformers.PreTrainedModel.to
    monkeypatch.setattr(transformers.PreTrainedModel, "to", lambda *given, **named: _tied(move, *given, **named))
    before = torch.get_default_device()
    with Watching():
        torch.set_default_device(NAME)
        try:
            with Making():
                yield
        finally:
            torch.set_default_device(before)
