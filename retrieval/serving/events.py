"""The filter over a stream of OpenAI's Responses API: events with a ``type``, whose texts come as deltas.

A text's deltas go through one stream each; its last event brings what waited. A tool's arguments wait until they are
whole. Events that hold whole parts are filtered as whole answers are; deltas of anything but text are dropped.
"""

from collections.abc import Iterator
from typing import Any, Final

from retrieval.serving.answers import Json, arguments_of, clean_answer
from retrieval.streaming import Stream
from retrieval.suppress import Allowing, Suppression

_ENDS: Final = {
    "response.output_text": "text",
    "response.refusal": "refusal",
    "response.reasoning_text": "text",
    "response.reasoning_summary_text": "text",
}
_WHOLE: Final = {
    "response.function_call_arguments": "arguments",
    "response.mcp_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.code_interpreter_call_code": "code",
}
_PLACE: Final = ("item_id", "output_index", "content_index", "summary_index")
_DELTA, _DONE = ".delta", ".done"


def is_response(event: Json) -> bool:
    """Whether an event is one of a Responses stream."""
    return isinstance(event.get("type"), str) and (event["type"].startswith("response.") or event["type"] == "error")


class Responses:
    """The streams of one response: one for each of its texts."""

    def __init__(self, listed: Suppression | Allowing) -> None:
        self._listed, self._number = listed, 0
        self._streams: dict[tuple[Any, ...], tuple[Json, Stream]] = {}

    def take(self, event: Json) -> Iterator[Json]:
        """Yield what may be handed on of an event, numbered anew."""
        what = str(getattr(event["type"], "value", event["type"]))  # a library's word for it may be an enumeration's
        event = {**event, "type": what}
        name = what.removesuffix(_DELTA).removesuffix(_DONE)
        if what.endswith(_DELTA) or "delta" in event:
            yield from self._delta(event, name)
            return
        if what.endswith(_DONE) and name in _ENDS:
            yield from self._ended((name, *_place(event)))
        elif what in ("response.completed", "response.incomplete", "response.failed"):
            yield from self.rest()
        if what.endswith(_DONE) and name in _WHOLE and isinstance(event.get(_WHOLE[name]), str):
            said = arguments_of(event[_WHOLE[name]], self._listed)
            event = {**event, _WHOLE[name]: said}
            yield self._numbered({**_bare(event), "type": name + _DELTA, "delta": said})
        yield self._numbered(clean_answer(event, self._listed))

    def rest(self) -> Iterator[Json]:
        """Yield what waited in texts that never ended."""
        for key in list(self._streams):
            yield from self._ended(key)

    def _delta(self, event: Json, name: str) -> Iterator[Json]:
        if name not in _ENDS or not isinstance(event.get("delta"), str):
            return
        key = (name, *_place(event))
        template, stream = self._streams.setdefault(key, (_bare(event), self._listed.stream()))
        if said := stream.feed(event["delta"]):
            yield self._numbered({**template, "delta": said})

    def _ended(self, key: tuple[Any, ...]) -> Iterator[Json]:
        if key in self._streams:
            template, stream = self._streams.pop(key)
            if said := stream.finish():
                yield self._numbered({**template, "delta": said})

    def _numbered(self, event: Json) -> Json:
        event["sequence_number"] = self._number
        self._number += 1
        return event


def _place(event: Json) -> tuple[Any, ...]:
    return tuple(str(event.get(part)) for part in _PLACE)


def _bare(event: Json) -> Json:
    """An event's type and place; its texts and log probabilities are left out."""
    return {"type": event["type"], **{part: event[part] for part in _PLACE if part in event}}
