"""A proxy in front of any server that speaks the OpenAI API: nobody who is listed goes in, and nobody comes out.

1. Requests: every text of messages, prompts, tool results and retrieved passages is filtered before it is forwarded.
2. Answers: chat, completions and responses, whole or as server-sent events, tool calls included; what might still
   become a match waits for the next piece.
3. What cannot be filtered is not handed on: other events, events that are no JSON, lines without end, other types of
   content. When the list cannot be read, nothing is served (503).

The upstream server is not trusted: of its headers only the content type and when to ask
again are handed on, and its sizes are limited.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

import aiohttp
from aiohttp import web

from retrieval.errors import RetrievalError
from retrieval.serving.answers import Deltas, clean_answer, clean_request
from retrieval.serving.events import Responses, is_response
from retrieval.serving.sent import data_of, event_of
from retrieval.suppress import Allowing, Suppression

log = logging.getLogger(__name__)
STREAMED: Final = ("/chat/completions", "/completions", "/responses")
PASSED_ON: Final = ("Authorization", "OpenAI-Organization", "OpenAI-Project")
_BODY: Final = 64 << 20
_WITHHELD: Final = {"error": {"message": "An event could not be filtered.", "type": "withheld"}}


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the model server is, and who may ask for what is listed."""

    upstream: str
    allow_token: str = field(default="", repr=False)
    timeout: float = 600.0


class Proxy:
    """The application; ``listed`` may be replaced while it serves."""

    def __init__(self, settings: Settings, listed: Suppression) -> None:
        self._settings, self._listed = settings, listed
        self._session: aiohttp.ClientSession | None = None

    def application(self) -> web.Application:
        """Return the web application."""
        app = web.Application(client_max_size=_BODY)
        app.router.add_get("/oubli/counters", self._counters)
        app.router.add_route("*", "/{path:.*}", self._serve)
        app.cleanup_ctx.append(self._connected)
        return app

    async def _connected(self, _: web.Application) -> Any:
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout)
        async with aiohttp.ClientSession(timeout=timeout, read_bufsize=1 << 18, trust_env=False) as self._session:
            yield

    async def _counters(self, _: web.Request) -> web.Response:
        return web.json_response(self._listed.counters.read())

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            listed = self._for(request)
            body = await self._body(request, listed)
            return await self._forward(request, body, listed)
        except (RetrievalError, OSError) as error:
            if isinstance(error, RetrievalError):
                log.error("suppression list unreadable: %s", error)
                return _problem(503, "The suppression list cannot be read; nothing is served until it can.")
            return _problem(502, "The model server cannot be reached.")
        except TimeoutError:
            return _problem(504, "The model server did not answer in time.")
        except (aiohttp.ClientError, ValueError, RecursionError):
            return _problem(502, "The model server's answer, or the request, could not be read; nothing is handed on.")

    def _for(self, request: web.Request) -> Suppression | Allowing:
        """Return the list as it counts for this caller: a token and groups let these groups through."""
        token, _, groups = request.headers.get("X-Oubli-Allow", "").partition(" ")
        wanted = self._settings.allow_token
        if groups and wanted and hmac.compare_digest(token.encode(), wanted.encode()):
            return self._listed.allowing(part.strip() for part in groups.split(","))
        return self._listed

    async def _body(self, request: web.Request, listed: Suppression | Allowing) -> Any:
        if not request.can_read_body:
            return None
        try:
            body = json.loads(await request.text())
        except (ValueError, RecursionError):
            raise web.HTTPBadRequest(text="The request is no JSON; only JSON can be filtered.") from None
        return clean_request(body, listed) if isinstance(body, dict) else None

    async def _forward(self, request: web.Request, body: Any, listed: Suppression | Allowing) -> web.StreamResponse:
        if self._session is None:
            raise OSError("Forwarding a request: the proxy has not been started.")
        if ".." in unquote(request.raw_path.partition("?")[0]).split("/"):
            return _problem(400, "The address leads out of the model server's own.")
        asked_for = unquote(request.raw_path)
        if listed.filter(asked_for).text != asked_for:
            return _problem(400, "The address names somebody who is listed; ask for it in another way.")
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        address = self._settings.upstream.rstrip("/") + request.path_qs
        asked = self._session.request(request.method, address, json=body, headers=headers, allow_redirects=False)
        async with asked as answer:
            kind = answer.content_type
            if kind == "text/event-stream":
                if not request.path.endswith(STREAMED):
                    return _problem(501, "Streams of this kind cannot be filtered; ask without streaming.")
                return await self._stream(request, answer, listed)
            if kind != "application/json":
                return _problem(502, "The model server answered with something that cannot be filtered.")
            whole = json.loads(await _whole(answer))
            said = clean_answer(whole, listed) if isinstance(whole, dict) else {}
            return web.json_response(said, status=answer.status, headers=_when(answer))

    async def _stream(self, request: web.Request, answer: Any, listed: Suppression | Allowing) -> web.StreamResponse:
        said = web.StreamResponse(status=answer.status, headers={"Content-Type": "text/event-stream"})
        said.headers["Cache-Control"] = "no-cache"
        await said.prepare(request)
        said_by = _Said(listed)
        try:
            async for data in data_of(answer):
                if data.strip() == b"[DONE]":
                    continue
                events = said_by.take(event_of(data))
                for event in events if events is not None else [_WITHHELD]:
                    await said.write(_event(event))
                if events is None:
                    break
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            await said.write(_event({"error": {"message": "The model server broke off.", "type": "upstream"}}))
        for event in said_by.rest():
            await said.write(_event(event))
        if not said_by.response:
            await said.write(b"data: [DONE]\n\n")
        await said.write_eof()
        return said


class _Said:
    """What may be said of one stream: of chats and completions, or of a response."""

    def __init__(self, listed: Suppression | Allowing) -> None:
        self._deltas, self._responses, self._last = Deltas(listed), Responses(listed), dict[str, Any]()
        self.response = False

    def take(self, event: dict[str, Any] | None) -> list[dict[str, Any]] | None:
        """Return the events to hand on for one that came; None where it cannot be filtered."""
        if event is not None and is_response(event):
            self.response = True
            return list(self._responses.take(event))
        if event is None or "choices" not in event:
            return None
        self._last = {key: event[key] for key in ("id", "object", "created", "model") if key in event}
        return [self._deltas.take(event)]

    def rest(self) -> Iterator[dict[str, Any]]:
        """Yield what waited in texts that their server never ended."""
        yield from self._responses.rest()
        for choice in self._deltas.rest():
            yield {**self._last, "choices": [choice]}


def _when(answer: Any) -> dict[str, str]:
    """How long to wait before asking again, where the model server says it in seconds."""
    seconds = answer.headers.get("Retry-After", "")
    return {"Retry-After": seconds} if seconds.isascii() and seconds.isdigit() and len(seconds) < 6 else {}


async def _whole(answer: Any) -> bytes:
    parts, size = [], 0
    async for part in answer.content.iter_chunked(1 << 16):
        size += len(part)
        if size > _BODY:
            raise ValueError("Reading an answer: it is larger than is served.")
        parts.append(part)
    return b"".join(parts)


def _event(event: dict[str, Any]) -> bytes:
    data = b"data: " + json.dumps(event, ensure_ascii=False).encode("utf-8", "replace") + b"\n\n"
    kind = event.get("type")
    plain = isinstance(kind, str) and kind.replace(".", "").replace("_", "").isalnum()
    return b"event: " + kind.encode("utf-8", "replace") + b"\n" + data if plain and kind is not None else data


def _problem(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": "oubli"}}, status=status)


async def serve(proxy: Proxy, *, host: str, port: int, beside: Any = None) -> None:
    """Serve until cancelled; ``beside`` is one more thing to await meanwhile (the list's reloading)."""
    runner = web.AppRunner(proxy.application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        await (beside if beside is not None else asyncio.Event().wait())
    finally:
        await runner.cleanup()
