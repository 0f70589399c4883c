"""For ``transformers``: a streamer that hands text on only when it may be said."""

from collections.abc import Callable
from typing import Any

from retrieval.suppress import Suppression


class SuppressingStreamer:
    """Give it to ``generate(streamer=…)``: tokens in, sayable text to ``say`` (called with text, and whether it ended).

    It has the two methods that ``transformers`` asks for (``put`` and ``end``) and needs only a tokenizer's ``decode``.
    One text at a time, as every streamer of that library. Interface: transformers.generation.streamers.BaseStreamer.
    """

    def __init__(
        self, tokenizer: Any, listed: Suppression, say: Callable[[str, bool], None], *, skip_prompt: bool = True
    ) -> None:
        self._tokenizer, self._listed, self._say = tokenizer, listed, say
        self._skip, self._prompt = skip_prompt, skip_prompt
        self._tokens: list[int] = []
        self._shown = 0
        self._stream = listed.stream()

    def put(self, value: Any) -> None:
        """Take token ids (a tensor of one text)."""
        ids = value.reshape(-1).tolist() if hasattr(value, "reshape") else list(value)
        if self._prompt:
            self._prompt = False
            return
        self._tokens += ids
        text = self._tokenizer.decode(self._tokens, skip_special_tokens=True)
        if text.endswith("\ufffd"):  # half a character; the next token brings the rest
            return
        self._hand_on(self._stream.feed(text[self._shown :]), ended=False)
        self._shown = len(text)

    def end(self) -> None:
        """End the text; the next one starts afresh."""
        text = self._tokenizer.decode(self._tokens, skip_special_tokens=True)
        rest = self._stream.feed(text[self._shown :]) + self._stream.finish()
        self._tokens, self._shown, self._prompt = [], 0, self._skip
        self._stream = self._listed.stream()
        self._hand_on(rest, ended=True)

    def _hand_on(self, text: str, *, ended: bool) -> None:
        if text or ended:
            self._say(text, ended)
