"""The filter over one chat or completion in OpenAI's form, whole or as a stream of deltas; tool calls included."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from retrieval.streaming import Stream
from retrieval.suppress import Allowing, Suppression

_TEXTS = ("content", "text", "refusal", "reasoning_content", "reasoning")
Json = dict[str, Any]


def clean(value: Any, listed: Suppression | Allowing) -> Any:
    """Return a JSON value with every text in it filtered; keys, numbers and structure stay."""
    if isinstance(value, str):
        return listed.filter(value).text
    if isinstance(value, list):
        return [clean(part, listed) for part in value]
    return {key: clean(part, listed) for key, part in value.items()} if isinstance(value, dict) else value


def clean_request(body: Json, listed: Suppression | Allowing) -> Json:
    """Return a request whose texts (prompts, messages, tool results, retrieved passages) hold nobody who is listed."""
    kept = ("messages", "prompt", "input", "documents", "instructions", "suffix")
    return {key: _message(part, listed) if key in kept else part for key, part in body.items()}


def _message(value: Any, listed: Suppression | Allowing) -> Any:
    if isinstance(value, list):
        return [_message(part, listed) for part in value]
    if isinstance(value, dict):
        return {
            key: part if key in ("role", "type", "id", "tool_call_id") else _message(part, listed)
            for key, part in value.items()
        }
    return clean(value, listed)


def clean_answer(body: Json, listed: Suppression | Allowing) -> Json:
    """Return a whole answer whose choices (or outputs, or data) say nothing that is listed."""
    return {
        key: _choice(part, listed) if key in ("choices", "output", "message", "response", "content", "error") else part
        for key, part in body.items()
    }


def _choice(value: Any, listed: Suppression | Allowing) -> Any:
    if isinstance(value, list):
        return [_choice(part, listed) for part in value]
    if not isinstance(value, dict):
        return clean(value, listed)
    if isinstance(value.get("arguments"), str):
        value = {**value, "arguments": _arguments(value["arguments"], listed)}
    return {
        key: None
        if key == "logprobs"
        else part
        if key in ("role", "type", "id", "finish_reason")
        else _choice(part, listed)
        for key, part in value.items()
    }


def _arguments(text: str, listed: Suppression | Allowing) -> str:
    """Filter a tool's arguments as values where they are JSON, so that no escape hides anything."""
    try:
        return json.dumps(clean(json.loads(text), listed), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


class Deltas:
    """The streams of one answer: one for each text of each choice, closed when the choice ends."""

    def __init__(self, begin: Callable[[], Stream]) -> None:
        self._begin = begin
        self._streams: dict[tuple[Any, ...], Stream] = {}

    def take(self, event: Json) -> Json:
        """Return an event whose texts are what may be said by now; a choice's last event brings what waited."""
        choices = [self._choice(choice) for choice in event.get("choices") or [] if isinstance(choice, dict)]
        return {**event, "choices": choices} if "choices" in event else event

    def rest(self) -> Iterator[Json]:
        """Yield a last delta for every text that never was ended by its server."""
        for index in sorted({key[0] for key in self._streams}):
            choice = self._closed({"index": index, "finish_reason": None}, index)
            if choice.get("delta") or choice.get("text"):
                yield choice

    def _choice(self, choice: Json) -> Json:
        index = choice.get("index", 0)
        made = {**choice, "logprobs": None} if "logprobs" in choice else dict(choice)
        if isinstance(made.get("text"), str):
            made["text"] = self._fed((index, "completion"), made["text"])
        if isinstance(made.get("delta"), dict):
            made["delta"] = self._delta(index, made["delta"])
        return self._closed(made, index) if made.get("finish_reason") else made

    def _delta(self, index: int, delta: Json) -> Json:
        made = dict(delta)
        for name in _TEXTS:
            if isinstance(made.get(name), str):
                made[name] = self._fed((index, name), made[name])
        if isinstance(made.get("tool_calls"), list):
            made["tool_calls"] = [self._call(index, call) for call in made["tool_calls"] if isinstance(call, dict)]
        return made

    def _call(self, index: int, call: Json) -> Json:
        function = call.get("function")
        if not isinstance(function, dict) or not isinstance(function.get("arguments"), str):
            return call
        said = self._fed((index, "tool", call.get("index", 0)), function["arguments"])
        return {**call, "function": {**function, "arguments": said}}

    def _fed(self, key: tuple[Any, ...], text: str) -> str:
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = self._begin()
        return stream.feed(text)

    def _closed(self, choice: Json, index: int) -> Json:
        """Add what still waited in a choice's streams to its last event."""
        for key in [key for key in self._streams if key[0] == index]:
            rest = self._streams.pop(key).finish()
            if not rest:
                continue
            if key[1] == "completion":
                choice["text"] = choice.get("text", "") + rest
                continue
            delta = choice.setdefault("delta", {})
            if key[1] != "tool":
                delta[key[1]] = (delta.get(key[1]) or "") + rest
                continue
            calls = delta.setdefault("tool_calls", [])
            own = next((call for call in calls if call.get("index", 0) == key[2]), None)
            if own is None:
                own = {"index": key[2], "function": {"arguments": ""}}
                calls.append(own)
            own["function"]["arguments"] += rest
        return choice


def event_of(line: bytes) -> Json | None:
    """Return the JSON of a ``data:`` line, None for anything else (comments, ``[DONE]``)."""
    if not line.startswith(b"data:"):
        return None
    try:
        event = json.loads(line[5:])
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
