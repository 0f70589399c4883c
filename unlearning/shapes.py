"""Sizes of the models that `train` makes from nothing, by name: Llama, and GPT-2 as it was published."""

from __future__ import annotations

from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from unlearning.errors import UnknownName
from unlearning.room import LONGEST, SHORTEST

# name: (width, layers, heads, feed-forward width); parameters at a vocabulary of 1,024
SHAPES = {
    "tiny": (32, 2, 2, 64),  # 0.06 M, for tests
    "400k": (96, 3, 4, 256),
    "1m": (128, 4, 4, 352),  # 0.93 M
    "5m": (256, 6, 8, 688),
    "100m": (832, 12, 13, 2240),
}
GPT2, GPT2_WORDS = "gpt2", 50_257  # 124 M, its vocabulary included


def most_tokens(shape: str) -> int:
    """How many tokens a model of this shape may be made to see at once."""
    return int(GPT2Config().n_positions) if shape == GPT2 else LONGEST


def make_model(shape: str, *, tokenizer: Any, seed: int, longest: int = SHORTEST) -> Any:
    """A model with random weights drawn from `seed` that sees `longest` tokens (GPT-2 always as many as published).

    Raises UnknownName for a shape not in the table.
    """
    if shape == GPT2:
        return _gpt2(tokenizer, seed)
    if shape not in SHAPES:
        raise UnknownName(f"making a model: no shape {shape!r}; choose one of {', '.join((*SHAPES, GPT2))}")
    width, layers, heads, feed_forward = SHAPES[shape]
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        intermediate_size=feed_forward,
        max_position_embeddings=max(longest, SHORTEST),
        tie_word_embeddings=True,
        initializer_range=0.04,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        attn_implementation="sdpa",
    )
    torch.manual_seed(seed)
    return LlamaForCausalLM(config)


def _gpt2(tokenizer: Any, seed: int) -> Any:
    """GPT-2's smallest size: 12 layers of 768; without dropout, as a replay has to find the same numbers."""
    config = GPT2Config(
        vocab_size=max(GPT2_WORDS, len(tokenizer)),
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(seed)
    return GPT2LMHeadModel(config)
