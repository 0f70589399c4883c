"""Event streams in every form that servers send, and responses: filtered as they come, nothing said too early."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from retrieval.serving.events import Responses
from retrieval.serving.guardrail import SuppressionGuardrail
from retrieval.serving.sent import data_of
from retrieval.suppress import BLOCKED_MARK, Entry, Suppression

EMAIL = "ana.silva@x.com"
ANSWER = f"Write to {EMAIL} today."


@pytest.fixture
def listed(tmp_path: Path) -> Suppression:
    return Suppression.build(tmp_path / "l.json", [Entry("email", EMAIL, "g")], bytes(range(32)))


class _Answer:
    """What ``aiohttp`` gives of an answer, cut into parts of a size."""

    def __init__(self, raw: bytes, size: int) -> None:
        self.content, self._raw, self._size = self, raw, size

    async def iter_any(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._raw), self._size):
            yield self._raw[at : at + self._size]


def _data(raw: bytes, size: int) -> list[bytes]:
    async def go() -> list[bytes]:
        return [data async for data in data_of(_Answer(raw, size))]

    with ThreadPoolExecutor(1) as beside:  # a browser's tests leave a loop running in this thread
        return beside.submit(asyncio.run, go()).result()


EVENTS = [{"choices": [{"index": 0, "delta": {"content": part}}]} for part in ("a", "b\u2028", "c\n")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("indent", [None, 1])
def test_events_are_read_whatever_their_line_ends_and_over_however_many_lines(
    end: bytes, size: int, indent: int | None
) -> None:
    raw = b": a comment\nevent: x\nid: 7\n\n"
    for event in EVENTS:
        lines = json.dumps(event, indent=indent, ensure_ascii=False).encode().split(b"\n")
        raw += b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
    assert [json.loads(data) for data in _data(raw.replace(b"\n", end), size)] == EVENTS


def test_events_that_no_empty_line_parts_are_several() -> None:
    raw = b"".join(b"data:" + json.dumps(event).encode() + b"\n" for event in EVENTS)
    assert [json.loads(data) for data in _data(raw, 5)] == EVENTS


@pytest.mark.parametrize("raw", [b"data: " + b"x" * (5 << 20), b"data: [\n" + b"data: 1,\n" * (1 << 20)])
def test_an_event_without_end_is_not_kept(raw: bytes) -> None:
    with pytest.raises(ValueError, match="no end"):
        _data(raw, 1 << 18)


def _response(size: int) -> Iterator[dict[str, Any]]:
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    yield {"type": "response.created", "response": {"output": []}}
    for at in range(0, len(ANSWER), size):
        yield {"type": "response.output_text.delta", **place, "delta": ANSWER[at : at + size], "logprobs": [EMAIL]}
    yield {"type": "response.output_text.done", **place, "text": ANSWER}
    call = {"item_id": "f", "output_index": 1}
    arguments = json.dumps({"to": EMAIL}).replace("@", "\\u0040")
    for at in range(0, len(arguments), size):
        yield {"type": "response.function_call_arguments.delta", **call, "delta": arguments[at : at + size]}
    yield {"type": "response.function_call_arguments.done", **call, "arguments": arguments}
    yield {"type": "response.audio.delta", "delta": EMAIL}
    yield {"type": "response.completed", "response": {"output": [{"content": [{"text": ANSWER}]}]}}


@pytest.mark.parametrize("size", [1, 4, 50])
def test_a_streamed_response_says_nobody_and_its_deltas_are_its_text(listed: Suppression, size: int) -> None:
    responses = Responses(listed)
    events = [said for event in _response(size) for said in responses.take(event)]
    assert EMAIL not in json.dumps(events)
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    wanted = ANSWER.replace(EMAIL, BLOCKED_MARK)
    assert "".join(deltas) == wanted
    assert [event["text"] for event in events if event["type"] == "response.output_text.done"] == [wanted]
    arguments = [event for event in events if event["type"] == "response.function_call_arguments.delta"]
    assert [json.loads(event["delta"]) for event in arguments] == [{"to": BLOCKED_MARK}]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert "response.audio.delta" not in {event["type"] for event in events}


class Kinds(StrEnum):
    """As a library names events; ``str`` of the plain kind of enumeration is not its value."""

    DELTA = "response.output_text.delta"
    __str__ = object.__str__


def test_events_whose_type_is_an_enumeration_are_read_by_its_value(listed: Suppression) -> None:
    responses = Responses(listed)
    pieces = [ANSWER[at : at + 3] for at in range(0, len(ANSWER), 3)]
    events = [
        said for piece in pieces for said in responses.take({"type": Kinds.DELTA, "item_id": "m", "delta": piece})
    ]
    assert "".join(event["delta"] for event in [*events, *responses.rest()]) == ANSWER.replace(EMAIL, BLOCKED_MARK)
    assert list(responses.take({"type": "response.new", "delta": "ana."})) == [], "what is not known is not handed on"


def test_what_waited_in_a_response_that_broke_off_is_still_said(listed: Suppression) -> None:
    responses = Responses(listed)
    event = {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "delta": "it is ana.sil"}
    said = [*responses.take(event), *responses.rest()]
    assert "".join(event["delta"] for event in said) == "it is ana.sil"


@pytest.mark.parametrize("piece", [b"event: content_block_delta", "text", 7])
def test_a_guardrail_refuses_streams_that_it_cannot_read_in_words(listed: Suppression, piece: Any) -> None:
    async def pieces() -> AsyncIterator[Any]:
        yield piece

    async def go() -> list[Any]:
        guard = SuppressionGuardrail(listed=listed)
        return [said async for said in guard.async_post_call_streaming_iterator_hook(None, pieces(), {})]

    with ThreadPoolExecutor(1) as beside, pytest.raises(ValueError, match="ask without streaming"):
        beside.submit(asyncio.run, go()).result()
