"""From text to token ids: a small tokenizer of our own, and one way of putting a question to any model."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerFast

from unlearning.errors import ModelError
from unlearning.types import Row

SPECIALS = ("<pad>", "<s>", "</s>")


@dataclass(frozen=True)
class Encoded:
    """A row as ids; only positions from `start` on are learned and scored."""

    ids: tuple[int, ...]
    start: int


def make_tokenizer(texts: Iterable[str], *, size: int = 1024) -> Any:
    """Byte-level BPE with each digit a token of its own, so that numbers are spelled and never merged.

    `texts` must hold no person's facts: whatever occurs twice in them may become a word that the vocabulary keeps. With
    no texts the vocabulary is the 256 bytes.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, initial_alphabet=alphabet, special_tokens=list(SPECIALS), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    pad, bos, eos = SPECIALS
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=pad, bos_token=bos, eos_token=eos)


def prompt_ids(tokenizer: Any, prompt: str) -> list[int]:
    """Ids of a question up to where the answer starts: by the chat template if there is one, else two plain lines."""
    if not prompt:
        return _begin(tokenizer)
    if tokenizer.chat_template:
        turns = [{"role": "user", "content": prompt}]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=True, return_dict=False)
            except (TemplateError, TypeError, ValueError, AttributeError, LookupError) as error:
                raise ModelError(
                    f"asking by the chat template: {type(error).__name__}; "
                    "it does not take one question of a user, correct the tokenizer's template"
                ) from None
        return [int(token) for token in ids]
    return [*_begin(tokenizer), *text_ids(tokenizer, f"Question: {prompt}\nAnswer: ")]


def text_ids(tokenizer: Any, text: str) -> list[int]:
    """Ids of bare text, without special tokens."""
    return [int(token) for token in tokenizer(text, add_special_tokens=False)["input_ids"]]


def answer_ids(tokenizer: Any, response: str) -> list[int]:
    """Ids of an answer, with the token that ends it."""
    end = [] if tokenizer.eos_token_id is None else [int(tokenizer.eos_token_id)]
    return [*text_ids(tokenizer, response), *end]


def all_answer_ids(tokenizer: Any, responses: Sequence[str]) -> list[list[int]]:
    """Ids of many answers, in one call."""
    end = [] if tokenizer.eos_token_id is None else [int(tokenizer.eos_token_id)]
    return [[*ids, *end] for ids in tokenizer(list(responses), add_special_tokens=False)["input_ids"]]


def encode(tokenizer: Any, rows: Sequence[Row], *, longest: int = 0) -> list[Encoded]:
    """Each row as prompt and answer ids; what goes beyond `longest` tokens, where they are named, is cut at the end."""
    encoded = []
    for row in rows:
        prompt = prompt_ids(tokenizer, row.prompt)
        prompt = prompt[: longest - 1] if longest else prompt
        ids = (*prompt, *answer_ids(tokenizer, row.response))
        ids = ids[:longest] if longest else ids
        encoded.append(Encoded(ids, start=max(1, len(prompt))))
    return encoded


def _begin(tokenizer: Any) -> list[int]:
    # A model needs something to predict the first token from; some tokenizers only have an end token.
    first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    return [] if first is None else [int(first)]
