"""Logits processors that never let a listed value be completed: for ``transformers``, and for vLLM by its interface.

Of the likeliest tokens those are forbidden that would complete a listed value at this place. A value is taken as
complete as soon as its last letter is there, so a longer word that begins with a listed value is forbidden too; the
streaming filter has no such excess. Interfaces: transformers.LogitsProcessor; vllm.v1.sample.logits_processor.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from retrieval.suppress import Suppression

_TAIL: Final = 64  # tokens looked back
_LIKELIEST: Final = 64


class Forbidding:
    """Which next tokens would complete a listed value after some tokens."""

    def __init__(self, tokenizer: Any, listed: Suppression, *, likeliest: int = _LIKELIEST) -> None:
        self._tokenizer, self._listed, self.likeliest = tokenizer, listed, likeliest

    def forbidden(self, before: Sequence[int], candidates: Sequence[int]) -> list[int]:
        """Return those of the candidates that may not follow."""
        tail = list(before[-_TAIL:])
        already = len(self._listed.filter(self._text(tail)).blocked)
        return [token for token in candidates if len(self._listed.filter(self._text([*tail, token])).blocked) > already]

    def _text(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return text

    def mask(self, scores: Any, before: Sequence[int]) -> Any:
        """Set scores (vocabulary,) to minus infinity where a token may not follow; ask again until none is left."""
        count = min(self.likeliest, scores.shape[-1])
        bad = self.forbidden(before, scores.topk(count).indices.tolist())
        while bad:
            scores[bad] = float("-inf")
            bad = self.forbidden(before, [int(scores.argmax())])
        return scores


class SuppressingLogits:
    """Give it to ``generate(logits_processor=[…])``; ``prompt`` is how many tokens the prompt has."""

    def __init__(self, tokenizer: Any, listed: Suppression, *, prompt: int = 0, likeliest: int = _LIKELIEST) -> None:
        self._forbidding, self._prompt = Forbidding(tokenizer, listed, likeliest=likeliest), prompt

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Take token ids (batch, time) and scores (batch, vocabulary); return the scores."""
        scores = scores.clone()
        for row in range(len(scores)):
            self._forbidding.mask(scores[row], input_ids[row, self._prompt :].tolist())
        return scores


class VllmLogits:
    """vLLM's processor for a whole batch; make a subclass that says where tokenizer and list come from.

    ``update_state`` takes the batch's changes: ``removed`` (indices), ``added`` (index, parameters, prompt ids, output
    ids, which vLLM goes on filling) and ``moved`` (from, to, direction), each of which may be absent.
    """

    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
        del device, is_pin_memory
        self._forbidding = Forbidding(*self.opened(vllm_config))
        self._outputs: dict[int, Sequence[int]] = {}

    opened: Callable[[Any], tuple[Any, Suppression]]

    @classmethod
    def validate_params(cls, params: Any) -> None:
        """Accept every request's parameters."""

    def is_argmax_invariant(self) -> bool:
        """Say that greedy decoding is changed too."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow requests as they come, go and change places."""
        if batch_update is None:
            return
        for index in batch_update.removed:
            self._outputs.pop(index, None)
        for index, _, _, outputs in batch_update.added:
            self._outputs[index] = outputs
        for source, target, direction in batch_update.moved:
            ahead, back = self._outputs.pop(source, None), self._outputs.pop(target, None)
            if ahead is not None:
                self._outputs[target] = ahead
            if back is not None and "SWAP" in str(direction).upper():
                self._outputs[source] = back

    def apply(self, logits: Any) -> Any:
        """Take logits (requests, vocabulary), return them without what may not follow."""
        for index, outputs in self._outputs.items():
            self._forbidding.mask(logits[index], list(outputs))
        return logits
