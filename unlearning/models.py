"""Opening and saving causal language models in Hugging Face format, without ever running code that a folder brings."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from unlearning import __version__, precision
from unlearning.adapter_folders import attached, base_of, identity, is_adapter
from unlearning.agreement import check_ways
from unlearning.errors import (
    MissingWeights,
    ModelError,
    NotFinite,
    NotWritten,
    PickledWeights,
    QuantizedWeights,
    RemoteCode,
)
from unlearning.files import sha256_of
from unlearning.paging import keep_freed_memory

PICKLES = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "consolidated*.bin")
QUANTIZED = ("quantize_config.json", "quant_config.json")  # what GPTQ and AWQ wrote before config.json said it
PROGRAM = "5"  # raised whenever the same run would give other bytes
# What a model's answers depend on; a folder's other files (ledger, notes) do not change its digest.
IDENTITY = (
    "*.safetensors",
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab*",
)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def versions() -> dict[str, str]:
    """Programs and machine that decide the bytes of a result."""
    elsewhere = torch.get_default_device()
    return {
        **({} if elsewhere.type == "cpu" else {"device": _called(elsewhere)}),
        "unlearning": __version__,
        "program": PROGRAM,
        "torch": str(torch.__version__),
        "transformers": str(transformers.__version__),
        "python": platform.python_version(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "threads": str(torch.get_num_threads()),
    }


def _called(device: Any) -> str:
    return f"{device.type} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device.type)


def check_folder(folder: Path) -> None:
    """Refuse a folder that is no model, hides pickles, or wants to run code, before anything is loaded."""
    folder = base_of(folder) if is_adapter(folder) else folder
    config = folder / "config.json"
    if (folder / "shards.json").is_file():
        raise ModelError(
            f"opening {folder}: a folder of shards; forget in it, merge it, or unlearn with the method auto"
        )
    if not config.is_file():
        raise ModelError(f"opening {folder}: no config.json; give a Hugging Face model folder")
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
    except ValueError:
        raise ModelError(f"opening {folder}: config.json is not valid JSON; restore the file") from None
    if not isinstance(settings, dict):
        raise ModelError(f"opening {folder}: config.json holds no settings; restore the file")
    if settings.get("is_encoder_decoder"):
        raise ModelError(f"opening {folder}: it turns one text into another; give a causal language model")
    if "auto_map" in settings:
        raise RemoteCode(
            f"opening {folder}: config.json asks to run the folder's own code; export it without `auto_map`"
        )
    if settings.get("quantization_config") or any((folder / name).is_file() for name in QUANTIZED):
        raise QuantizedWeights(
            f"opening {folder}: its weights are quantized, and what unlearning changes is less than such weights can "
            "hold; unlearn in the folder that they were made from (float32, bfloat16 or float16), then quantize anew"
        )
    if not list(folder.glob("*.safetensors")):
        if any(list(folder.glob(pattern)) for pattern in PICKLES):
            raise PickledWeights(
                f"opening {folder}: weights are pickled; convert them to safetensors where you trust them"
            )
        raise MissingWeights(f"opening {folder}: no *.safetensors file; copy the weights beside config.json")


def open_model(folder: Path) -> tuple[Any, Any]:
    """The model (evaluation mode, float32, on the device in use) and its tokenizer; quick ways through it are tried.

    Low-rank weights beside their base are folded in. Raises ModelError or one of its kinds when the folder cannot be
    trusted or used.
    """
    if is_adapter(folder):
        model, tokenizer = open_attached(folder)
        return model.merge_and_unload().requires_grad_(True).eval(), tokenizer
    check_folder(folder)
    try:
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"opening {folder}: {type(error).__name__}; weights or configuration are damaged") from None
    if info["missing_keys"] or info.get("mismatched_keys"):
        count = len(info["missing_keys"]) + len(info.get("mismatched_keys", ()))
        raise MissingWeights(f"opening {folder}: {count} tensors are missing or misshapen; restore the whole model")
    check_finite(model, doing=f"opening {folder}")
    tokenizer = open_tokenizer(folder)
    known = model.get_input_embeddings().weight.shape[0]
    if tokenizer.vocab_size > known:
        raise ModelError(
            f"opening {folder}: the tokenizer has {tokenizer.vocab_size} words and the model {known}; "
            "they do not belong together, restore the tokenizer's files"
        )
    model = model.to(torch.get_default_device()).eval()
    setattr(model, precision.NAME, precision.given(folder))
    check_ways(model, doing=f"opening {folder}")
    return model, tokenizer


def open_attached(folder: Path) -> tuple[Any, Any]:
    """An adapter folder's base with its low-rank weights, which alone can be trained, and the tokenizer."""
    model, tokenizer = open_model(base_of(folder))
    model = attached(model, folder).eval()
    setattr(model, precision.NAME, precision.given(folder))  # its own, which is what will be saved
    return model, tokenizer


def open_config(folder: Path) -> Any:
    """The configuration of a model folder, without the model."""
    check_folder(folder)
    return transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)


def open_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder, without the model; an adapter speaks its base's."""
    check_folder(folder)
    folder = base_of(folder) if is_adapter(folder) else folder
    try:
        return transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"opening {folder}: the tokenizer cannot be used ({type(error).__name__}); restore its files"
        ) from None


def check_finite(model: Any, *, doing: str) -> None:
    """Raise NotFinite when a weight is NaN or infinite."""
    if not all(bool(torch.isfinite(weight).all()) for weight in model.parameters()):
        raise NotFinite(f"{doing}: weights hold NaN or infinity; go back to an earlier checkpoint")


def save_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write weights (safetensors), configuration and tokenizer; the caller makes the whole folder visible.

    Each weight has the precision that it was given in; what was given in float32 or made here is float32.
    """
    check_finite(model, doing=f"saving {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    with _writing(folder), precision.as_given(model):
        model.save_pretrained(folder, safe_serialization=True)
        tokenizer.save_pretrained(folder)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """What could not be written is said in our words, whichever library noticed first."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the disk refused it"
        raise NotWritten(f"saving {folder}: {reason}; make room, then start again: the run goes on") from None


def digest(folder: Path) -> str:
    """Sha256 over names and contents of weights, configuration and tokenizer, in name order, and an adapter's base."""
    total = hashlib.sha256()
    if is_adapter(folder):
        total.update(f"{digest(base_of(folder))}\n{identity(folder)}\n".encode())
    for path in sorted({path for pattern in IDENTITY for path in folder.glob(pattern)}):
        total.update(f"{path.name}\0{sha256_of(path)}\n".encode())
    return total.hexdigest()


def weights_digest(folder: Path) -> str:
    """Sha256 over the weight files alone."""
    total = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        total.update(f"{path.name}\0{sha256_of(path)}\n".encode())
    return total.hexdigest()


def state_digest(model: Any) -> str:
    """Sha256 over the tensors in memory, in name order."""
    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        total.update(name.encode() + b"\0" + tensor.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def save_state(folder: Path, *, model: Any, optimizer: Any, step: int) -> None:
    """Write what a resumed run needs: weights, optimizer moments, the step that comes next."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [name for name, _ in model.named_parameters()]
    moments = {
        f"{slot}:{names[index]}": value.detach().contiguous()
        for index, slots in optimizer.state_dict()["state"].items()
        for slot, value in slots.items()
    }
    weights = {name: weight.detach().contiguous() for name, weight in model.named_parameters()}
    with _writing(folder):
        save_file(weights, folder / "model.safetensors")
        save_file(moments, folder / "optimizer.safetensors")
    record = {name: sha256_of(folder / f"{name}.safetensors") for name in ("model", "optimizer")}
    (folder / "state.json").write_text(json.dumps({"step": step, **record}, sort_keys=True), encoding="utf-8")


def load_state(folder: Path, *, model: Any, optimizer: Any) -> int:
    """Put a saved state back and return the step that comes next; raises ModelError when a file was altered."""
    record = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    for name in ("model", "optimizer"):
        if sha256_of(folder / f"{name}.safetensors") != record[name]:
            raise ModelError(
                f"restoring {folder}: {name}.safetensors is not the file that was saved; use another checkpoint"
            )
    names = [name for name, _ in model.named_parameters()]
    weights, moments = load_file(folder / "model.safetensors"), load_file(folder / "optimizer.safetensors")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(weights[name])
    state = optimizer.state_dict()
    state["state"] = {index: {} for index in range(len(names))}
    for label, value in moments.items():
        slot, name = label.split(":", 1)
        state["state"][names.index(name)][slot] = value
    optimizer.load_state_dict(state)
    return int(record["step"])


def pin(threads: int) -> None:
    """Fix what makes bytes repeat: thread count and deterministic kernels."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=torch.get_default_device().type != "cpu")
    # Every buffer we allocate is written before it is read; filling each with NaN first costs a tenth of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False
    os.environ["OMP_NUM_THREADS"] = str(threads)
    keep_freed_memory()
