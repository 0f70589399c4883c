"""The filter over one chat or completion in OpenAI's form, whole or as a stream of deltas; tool calls included."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from retrieval.streaming import Stream
from retrieval.suppress import Allowing, Suppression

_TEXTS = ("content", "text", "refusal", "reasoning_content", "reasoning")
_TOKENS = ("logprobs", "prompt_logprobs")  # texts cut into tokens: no filter sees them whole
_OF_AN_EVENT = ("id", "object", "created", "model", "system_fingerprint", "service_tier", "usage")
_LONGEST_ARGUMENTS = 4 << 20
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
Json = dict[str, Any]


def clean(value: Any, listed: Suppression | Allowing) -> Any:
    """Return a JSON value with every text in it filtered; keys, numbers and structure stay."""
    if isinstance(value, str):
        return listed.filter(value).text
    if isinstance(value, list):
        return [clean(part, listed) for part in value]
    return {key: clean(part, listed) for key, part in value.items()} if isinstance(value, dict) else value


def clean_request(body: Json, listed: Suppression | Allowing) -> Json:
    """Return a request none of whose texts (messages, prompts, tools, passages) holds anybody who is listed.

    Names, ids and long numbers in it are looked at as well, since a passage may be called after somebody; its own
    settings (``seed``) and numbers of tokens stay as they are.
    """
    return {
        _key(key, listed): part if key == "model" or isinstance(part, int) else _part(part, listed, _ASKED)
        for key, part in body.items()
    }


def clean_answer(body: Json, listed: Suppression | Allowing) -> Json:
    """Return a whole answer that says nothing that is listed, wherever in it a server writes its texts."""
    return {_key(key, listed): _part(part, listed, _SAID) for key, part in body.items() if key not in _TOKENS}


@dataclass(frozen=True, slots=True)
class _Way:
    """What is emptied because no filter sees it whole, and from which number on a number may be somebody's."""

    emptied: tuple[str, ...]
    smallest: int


_SAID, _ASKED = _Way(_TOKENS, 10_000), _Way((), 1_000_000)  # what is asked may be numbers of tokens


def _part(value: Any, listed: Suppression | Allowing, way: _Way) -> Any:
    if isinstance(value, list):
        return [_part(part, listed, way) for part in value]
    if isinstance(value, int) and abs(value) >= way.smallest:
        said = clean(str(value), listed)  # a telephone or customer number need not stand in quotes
        return value if said == str(value) else said
    if not isinstance(value, dict):
        return clean(value, listed)
    return {
        _key(key, listed): None if key in way.emptied else _part(part, listed, way)
        for key, part in _opened(value, listed).items()
    }


def _key(key: str, listed: Suppression | Allowing) -> str:
    """A name that a server may have made up, as the properties of a JSON answer."""
    return listed.filter(key).text


def _opened(value: Json, listed: Suppression | Allowing) -> Json:
    """Filter a tool's arguments as the values that they write, so that no escape hides anything."""
    if not isinstance(value.get("arguments"), str):
        return value
    return {**value, "arguments": arguments_of(value["arguments"], listed)}


def arguments_of(text: str, listed: Suppression | Allowing) -> str:
    """Filter a tool's arguments: the values that their JSON writes, or the text where it is none."""
    try:
        return json.dumps(_part(json.loads(text), listed, _SAID), ensure_ascii=False)
    except (ValueError, RecursionError):  # no JSON: as text, with what its escapes write
        return listed.filter(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)).text


class Deltas:
    """The streams of one answer: one for each text of each choice, closed when the choice ends.

    What is not known to be a text is dropped: pieces of it cannot be filtered. A tool's arguments wait until they are
    whole, since an escape in them may be cut anywhere; raises ``ValueError`` for such that have no end.
    """

    def __init__(self, listed: Suppression | Allowing) -> None:
        self._listed = listed
        self._streams: dict[tuple[Any, ...], Stream | _Whole] = {}

    def take(self, event: Json) -> Json:
        """Return an event whose texts are what may be said by now; a choice's last event brings what waited."""
        known = {key: clean(event[key], self._listed) for key in _OF_AN_EVENT if key in event}
        choices = [self._choice(choice) for choice in _objects(event.get("choices"))]
        return {**known, "choices": choices}

    def rest(self) -> Iterator[Json]:
        """Yield a last delta for every text that never was ended by its server."""
        for index in sorted({key[0] for key in self._streams}):
            choice = self._closed({"index": index, "finish_reason": None}, index)
            if choice.get("delta") or choice.get("text"):
                yield choice

    def _choice(self, choice: Json) -> Json:
        index = _number(choice)
        made: Json = {"index": index}
        for name in ("finish_reason", "stop_reason"):
            if name in choice:
                made[name] = clean(choice[name], self._listed)
        if "logprobs" in choice:
            made["logprobs"] = None
        if isinstance(choice.get("text"), str):
            made["text"] = self._fed((index, "completion"), choice["text"])
        if isinstance(choice.get("delta"), dict):
            made["delta"] = self._delta(index, choice["delta"])
        return self._closed(made, index) if made.get("finish_reason") else made

    def _delta(self, index: int, delta: Json) -> Json:
        made: Json = {"role": clean(delta["role"], self._listed)} if "role" in delta else {}
        for name in _TEXTS:
            if name in delta:
                made[name] = self._text(index, name, delta[name])
        if isinstance(delta.get("function_call"), dict):
            made["function_call"] = self._function((index, "function_call"), delta["function_call"])
        if isinstance(delta.get("tool_calls"), list):
            made["tool_calls"] = [self._call(index, call) for call in _objects(delta["tool_calls"])]
        return made

    def _text(self, index: int, name: str, given: Any) -> Any:
        """A text, or a list of parts with texts; anything else is dropped."""
        if isinstance(given, str):
            return self._fed((index, name), given)
        texts = [part["text"] for part in _objects(given) if isinstance(part.get("text"), str)]
        return [{"type": "text", "text": self._fed((index, name), text)} for text in texts] or None

    def _call(self, index: int, call: Json) -> Json:
        made: Json = {key: clean(call[key], self._listed) for key in ("index", "id", "type") if key in call}
        if isinstance(call.get("function"), dict):
            made["function"] = self._function((index, "tool", _number(call)), call["function"])
        return made

    def _function(self, key: tuple[Any, ...], function: Json) -> Json:
        made: Json = {"name": clean(function["name"], self._listed)} if "name" in function else {}
        if isinstance(function.get("arguments"), str):
            made["arguments"] = self._fed(key, function["arguments"])
        return made

    def _fed(self, key: tuple[Any, ...], text: str) -> str:
        stream = self._streams.get(key)
        if stream is None:
            whole = key[1] in ("tool", "function_call")
            stream = self._streams[key] = _Whole(self._listed) if whole else self._listed.stream()
        return stream.feed(text)

    def _closed(self, choice: Json, index: int) -> Json:
        """Add what still waited in a choice's streams to its last event."""
        for key in [key for key in self._streams if key[0] == index]:
            if rest := self._streams.pop(key).finish():
                _append(choice, key, rest)
        return choice


class _Whole:
    """A tool's arguments: kept until they end, then filtered as a whole."""

    def __init__(self, listed: Suppression | Allowing) -> None:
        self._listed, self._parts, self._size = listed, list[str](), 0

    def feed(self, text: str) -> str:
        self._size += len(text)
        if self._size > _LONGEST_ARGUMENTS:
            self._parts = []
            raise ValueError("Reading a stream: a tool's arguments have no end.")
        self._parts.append(text)
        return ""

    def finish(self) -> str:
        return arguments_of("".join(self._parts), self._listed) if self._parts else ""


def _append(choice: Json, key: tuple[Any, ...], rest: str) -> None:
    if key[1] == "completion":
        choice["text"] = choice.get("text", "") + rest
        return
    delta = choice.setdefault("delta", {})
    if key[1] == "tool":
        calls = delta.setdefault("tool_calls", [])
        own = next((call for call in calls if call.get("index", 0) == key[2] and "function" in call), None)
        if own is None:
            own = {"index": key[2], "function": {}}
            calls.append(own)
        own["function"]["arguments"] = own["function"].get("arguments", "") + rest
    elif key[1] == "function_call":
        function = delta.setdefault("function_call", {})
        function["arguments"] = function.get("arguments", "") + rest
    elif isinstance(delta.get(key[1]), list):
        delta[key[1]].append({"type": "text", "text": rest})
    else:
        delta[key[1]] = (delta.get(key[1]) or "") + rest


def _number(given: Json) -> int:
    found = given.get("index", 0)
    return found if isinstance(found, int) else 0


def _objects(value: Any) -> list[Json]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
