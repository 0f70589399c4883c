"""Server-sent events as a model server sends them: lines that end in any way, data over several lines, comments.

Format: WHATWG HTML, section 9.2.6. Beside it, events that no empty line parts are read where each is JSON by itself.
"""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final

_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
LONGEST: Final = 4 << 20  # bytes of an event


async def data_of(answer: Any) -> AsyncIterator[bytes]:
    """Yield the data of each event; raises ``ValueError`` for one without end."""
    data, size = list[bytes](), 0
    async for line in _lines(answer):
        if not line:
            if data:
                yield b"\n".join(data)
            data, size = [], 0
        elif line.startswith(b"data:"):
            if len(data) == 1 and event_of(data[0]) is not None:
                yield data[0]
                data, size = [], 0
            data.append(line[5:].removeprefix(b" "))
            size += len(line)
            if size > LONGEST:
                raise ValueError("Reading a stream: an event has no end.")
    if data:
        yield b"\n".join(data)


async def _lines(answer: Any) -> AsyncIterator[bytes]:
    rest = b""
    async for part in answer.content.iter_any():
        whole = rest + part
        held = b"\r" if whole.endswith(b"\r") else b""  # the rest of a line end may follow
        *lines, rest = _LINE_END.split(whole.removesuffix(held))
        rest += held
        for line in lines:
            yield line
        if len(rest) > LONGEST:
            raise ValueError("Reading a stream: a line has no end.")
    yield rest.removesuffix(b"\r")


def event_of(data: bytes) -> dict[str, Any] | None:
    """Return an event's JSON object, None for anything else."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
