"""Where tensors are made and models opened: the CPU, unless a device is named."""

from __future__ import annotations

import os

import torch

from unlearning.errors import InputError


def use(name: str) -> None:
    """Compute on `name` (`cpu`, `cuda`, `cuda:1`, `mps`) from here on; raises InputError where there is none.

    Bytes repeat on the same device alone; where a kernel has no repeatable form, torch warns.
    """
    if name == "cpu":
        return
    try:
        device = torch.device(name)
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats its bytes with it
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise InputError(
            "starting: torch has no such device here; name another with --device, or leave it out"
        ) from None
    if device.type == "meta":
        raise InputError("starting: `meta` computes nothing; name a device that does, or leave --device out")
    torch.set_default_device(device)
