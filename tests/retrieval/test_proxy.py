"""The proxy in front of a real model server: what is listed neither goes in nor comes out, however it is cut."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from retrieval.errors import SuppressionUnreadable
from retrieval.serving.answers import Deltas
from retrieval.serving.proxy import Proxy, Settings
from retrieval.serving.reload import Source, first
from retrieval.suppress import BLOCKED_MARK, Entry, Suppression

KEY = bytes(range(32))
EMAIL = "ana.silva@x.com"
ANSWER = f"Sure: write to {EMAIL}, or call 0151 / 234 5678 today."
CLEAN = f"Sure: write to {BLOCKED_MARK}, or call {BLOCKED_MARK} today."
CHAT = "/v1/chat/completions"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
pytestmark = pytest.mark.enable_socket


def apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Run to the end in a thread of its own: a browser's tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, work).result()


@pytest.fixture
def listed(tmp_path: Path) -> Suppression:
    entries = [Entry("email", EMAIL, "g1"), Entry("phone", "0151 2345678", "g1"), Entry("name", "Ana Müller", "g1")]
    return Suppression.build(tmp_path / "list.json", entries, KEY, region="DE")


class Upstream:
    """A small model server: remembers requests, answers with ``ANSWER`` in pieces of ``size`` characters."""

    def __init__(self, size: int = 3) -> None:
        self.size, self.asked = size, list[Any]()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        if not body.get("stream"):
            message = {"role": "assistant", "content": ANSWER, "tool_calls": [self._call(json.dumps({"to": EMAIL}))]}
            return web.json_response(
                {"id": "1", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]},
                headers={"X-Leak": EMAIL},
            )
        said = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await said.prepare(request)
        tool = json.dumps({"to": EMAIL})
        deltas: list[dict[str, Any]] = [{"role": "assistant"}]
        deltas += [{"content": ANSWER[at : at + self.size]} for at in range(0, len(ANSWER), self.size)]
        deltas += [{"tool_calls": [self._call(tool[at : at + 4])]} for at in range(0, len(tool), 4)]
        for delta in [*deltas, None]:
            choice = {"index": 0, "delta": delta or {}, "finish_reason": None if delta else "stop"}
            await said.write(f"data: {json.dumps({'id': '1', 'model': 'm', 'choices': [choice]})}\n\n".encode())
        await said.write(b"data: [DONE]\n\n")
        return said

    def _call(self, arguments: str) -> dict[str, Any]:
        return {"index": 0, "id": "c", "type": "function", "function": {"name": "mail", "arguments": arguments}}


async def started(app: web.Application) -> tuple[web.AppRunner, str]:
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


def through(
    listed: Suppression, handler: Handler, body: Any, *, path: str = CHAT, token: str = "", **sent: str
) -> tuple[int, str, Any]:
    """Ask a server through the proxy; returns status, body, headers."""

    async def go() -> tuple[int, str, Any]:
        server = web.Application()
        server.router.add_post(path, handler)
        behind, address = await started(server)
        front, ours = await started(Proxy(Settings(address, token), listed).application())
        try:
            async with aiohttp.ClientSession() as session, session.post(ours + path, json=body, headers=sent) as answer:
                return answer.status, await answer.text(), answer.headers
        finally:
            await front.cleanup()
            await behind.cleanup()

    return apart(go())


def told(body: str) -> tuple[str, str]:
    """Put a stream's deltas together: (content, tool arguments)."""
    events = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: {")]
    deltas = [choice.get("delta", {}) for event in events for choice in event["choices"]]
    calls = [call["function"]["arguments"] for delta in deltas for call in delta.get("tool_calls", [])]
    return "".join(delta.get("content") or "" for delta in deltas), "".join(calls)


def test_a_whole_answer_and_its_tool_calls_are_filtered_and_foreign_headers_dropped(listed: Suppression) -> None:
    status, body, headers = through(listed, Upstream().chat, {"messages": []})
    message = json.loads(body)["choices"][0]["message"]
    assert (status, message["content"]) == (200, CLEAN)
    assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"to": BLOCKED_MARK}
    assert "X-Leak" not in headers


@pytest.mark.parametrize("size", [1, 2, 3, 7, 200])
def test_a_stream_is_filtered_however_it_is_cut(listed: Suppression, size: int) -> None:
    _, body, _ = through(listed, Upstream(size).chat, {"messages": [], "stream": True})
    content, arguments = told(body)
    assert (content, json.loads(arguments)) == (CLEAN, {"to": BLOCKED_MARK})
    assert body.endswith("data: [DONE]\n\n")


def test_what_is_retrieved_or_asked_does_not_reach_the_model(listed: Suppression) -> None:
    upstream = Upstream()
    messages = [
        {"role": "user", "content": [{"type": "text", "text": f"Who is {EMAIL}?"}]},
        {"role": "tool", "tool_call_id": "c1", "content": f"passage: {EMAIL}"},
    ]
    through(listed, upstream.chat, {"model": "m", "messages": messages})
    assert "silva" not in json.dumps(upstream.asked)
    assert upstream.asked[0]["messages"][1]["content"] == f"passage: {BLOCKED_MARK}"


def test_a_caller_with_the_token_is_told_about_the_groups_it_names(listed: Suppression) -> None:
    allowed = {"X-Oubli-Allow": "secret g1"}
    _, body, _ = through(listed, Upstream().chat, {"messages": []}, token="secret", **allowed)
    assert json.loads(body)["choices"][0]["message"]["content"] == ANSWER
    _, body, _ = through(listed, Upstream().chat, {"messages": []}, token="other", **allowed)
    assert EMAIL not in body


async def _events(request: web.Request, *lines: bytes) -> web.StreamResponse:
    said = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await said.prepare(request)
    for line in lines:
        await said.write(line)
    return said


LOGPROBS = (
    b'data: {"choices": [{"index": 0, "delta": {"content": "@x.com"}, '
    b'"logprobs": {"content": [{"token": "ana.silva@x.com"}]}}]}\n\n'
)


@pytest.mark.parametrize(
    "lines",
    [
        (b"data: ana.silva@x.com\n\n",),
        (b'data: {"error": {"message": "ana.silva@x.com"}}\n\n',),
        (b": ana.silva@x.com\n", b"event: ana.silva@x.com\n", b"id: ana.silva@x.com\n\n"),
        (b'data: {"choices": [{"index": 0, "delta": {"content": "ana.silva@x.com"}}]}\n\n',),
        (b'data: {"choices": [{"index": 0, "delta": {"content": "ana.silva"}}]}\n\n', LOGPROBS),
    ],
)  # fmt: skip
def test_a_hostile_stream_says_nothing(listed: Suppression, lines: tuple[bytes, ...]) -> None:
    status, body, _ = through(listed, lambda request: _events(request, *lines), {"stream": True})
    assert status == 200
    assert "silva@" not in body
    assert EMAIL not in told(body.replace('"error"', '"choices": [], "error"'))[0]


ESCAPED = '{"to": "\\u0061na.silva\\u0040x.com", "call": 491512345678}'
PLACES: list[dict[str, Any]] = [
    {"output_text": EMAIL},
    {"citations": [EMAIL], "choices": []},
    {"detail": [{"input": {"messages": EMAIL}}]},
    {"data": [{"document": EMAIL}]},
    {"choices": [{"message": {EMAIL: 1}}]},
    {"choices": [{"finish_reason": EMAIL}], "id": EMAIL, "model": EMAIL},
    {"prompt_logprobs": [{"1": {"decoded_token": EMAIL}}]},
]


@pytest.mark.parametrize("body", PLACES)
def test_a_whole_answer_is_filtered_wherever_the_server_writes(listed: Suppression, body: dict[str, Any]) -> None:
    async def said(_: web.Request) -> web.StreamResponse:
        return web.json_response(body)

    status, answer, _ = through(listed, said, {})
    assert status == 200 and EMAIL not in answer


DELTAS: list[dict[str, Any]] = [
    {"function_call": {"name": "mail", "arguments": EMAIL}},
    {"audio": {"transcript": EMAIL}},
    {"content": [{"type": "text", "text": EMAIL}]},
    {"tool_calls": [{"index": 0, "function": {"name": EMAIL}}]},
    {"tool_calls": [{"index": 0, "id": EMAIL, "note": EMAIL}]},
    {"annotations": [{"url_citation": {"title": EMAIL}}]},
]


@pytest.mark.parametrize("delta", DELTAS)
def test_a_stream_is_filtered_wherever_the_server_writes(listed: Suppression, delta: dict[str, Any]) -> None:
    choice = {"index": 0, "delta": delta, "message": {"content": EMAIL}}
    lines = [f"data: {json.dumps({'choices': [choice], 'citations': [EMAIL], 'usage': {'of': EMAIL}})}\n\n".encode()]
    status, body, _ = through(listed, lambda request: _events(request, *lines), {"stream": True})
    assert status == 200 and EMAIL not in body


def test_a_list_of_parts_in_a_stream_is_still_a_text(listed: Suppression) -> None:
    parts = [{"type": "text", "text": f"Write to {EMAIL}"}, {"type": "text", "text": " today."}]
    deltas = Deltas(listed)
    said = deltas.take({"choices": [{"index": 0, "delta": {"content": [part]}, "logprobs": []} for part in parts]})
    texts = [part["text"] for choice in said["choices"] for part in choice["delta"]["content"] or []]
    texts += [choice["delta"]["content"] for choice in deltas.rest()]
    assert "".join(texts) == f"Write to {BLOCKED_MARK} today."


@pytest.mark.parametrize("size", [1, 5, 400])
def test_escapes_in_streamed_arguments_hide_nobody(listed: Suppression, size: int) -> None:
    pieces = [ESCAPED[at : at + size] for at in range(0, len(ESCAPED), size)]
    calls = [{"index": 0, "function": {"arguments": piece}} for piece in pieces]
    events = [{"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]} for call in calls]
    lines = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
    _, body, _ = through(listed, lambda request: _events(request, *lines), {"stream": True})
    assert json.loads(told(body)[1]) == {"to": BLOCKED_MARK, "call": BLOCKED_MARK}


def test_arguments_that_are_no_json_are_filtered_by_what_they_write(listed: Suppression) -> None:
    deltas = Deltas(listed)
    deltas.take({"choices": [{"delta": {"function_call": {"arguments": "{'to': '\\u0061na.silva\\u0040x.com'"}}}]})
    assert [choice["delta"]["function_call"]["arguments"] for choice in deltas.rest()] == [f"{{'to': '{BLOCKED_MARK}'"]


def test_arguments_without_end_are_not_kept(listed: Suppression) -> None:
    deltas = Deltas(listed)
    with pytest.raises(ValueError, match="no end"):
        for _ in range(6):
            deltas.take({"choices": [{"delta": {"function_call": {"arguments": "x" * (1 << 20)}}}]})


def test_tools_queries_and_escaped_arguments_do_not_reach_the_model(listed: Suppression) -> None:
    upstream = Upstream()
    call = {"id": "c1", "type": "function", "function": {"name": "mail", "arguments": ESCAPED}}
    tools = [{"type": "function", "function": {"name": "mail", "description": f"writes to {EMAIL}"}}]
    messages = [{"role": "assistant", "tool_calls": [call]}]
    body = {"model": "m", "messages": messages, "tools": tools, "user": EMAIL, "texts": [EMAIL]}
    through(listed, upstream.chat, body)
    assert EMAIL not in json.dumps(upstream.asked)
    arguments = upstream.asked[0]["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"to": BLOCKED_MARK, "call": BLOCKED_MARK}


def test_passages_called_after_somebody_lose_their_names_and_settings_stay_numbers(listed: Suppression) -> None:
    upstream = Upstream()
    documents = [{"id": EMAIL, EMAIL: True, "called": 491512345678, "tokens": [101, 45678]}]
    tool = {"role": "tool", "tool_call_id": EMAIL, "content": "x"}
    body = {"model": "m", "messages": [tool], "documents": documents, "seed": 491512345678, "max_tokens": 20000}
    through(listed, upstream.chat, body)
    asked = upstream.asked[0]
    assert EMAIL not in json.dumps(asked)
    assert asked["documents"] == [
        {"id": BLOCKED_MARK, BLOCKED_MARK: True, "called": BLOCKED_MARK, "tokens": [101, 45678]}
    ]
    assert (asked["seed"], asked["max_tokens"]) == (491512345678, 20000)


def test_an_address_that_names_somebody_is_not_asked_and_waiting_times_are_handed_on(listed: Suppression) -> None:
    async def busy(request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": EMAIL}}, status=429, headers={"Retry-After": "7"})

    status, body, headers = through(listed, busy, {"messages": []})
    assert (status, headers["Retry-After"], EMAIL in body) == (429, "7", False)
    status, body, _ = through(listed, busy, {"messages": []}, path="/v1/users/ana.silva%40x.com/chat/completions")
    assert (status, "silva" in body) == (400, False)


def test_an_address_never_leads_out_of_the_servers_own(listed: Suppression) -> None:
    async def go() -> tuple[bytes, list[str]]:
        asked: list[str] = []

        async def admin(request: web.Request) -> web.StreamResponse:
            asked.append(request.path)
            return web.json_response({})

        server = web.Application()
        server.router.add_route("*", "/{path:.*}", admin)
        behind, address = await started(server)
        front, ours = await started(Proxy(Settings(f"{address}/v1"), listed).application())
        reader, writer = await asyncio.open_connection("127.0.0.1", int(ours.rpartition(":")[2]))
        writer.write(b"GET /%2e%2e/admin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        said = await reader.read()
        writer.close()
        await front.cleanup()
        await behind.cleanup()
        return said, asked

    said, asked = apart(go())
    assert b" 400 " in said.splitlines()[0] and asked == []


async def _text(request: web.Request) -> web.StreamResponse:
    return web.Response(text=f"plain {EMAIL}")


async def _broken(request: web.Request) -> web.StreamResponse:
    return web.Response(text=f'{{"choices": "{EMAIL}', content_type="application/json")


async def _refused(request: web.Request) -> web.StreamResponse:
    return web.json_response({"error": {"message": f"no such user {EMAIL}"}}, status=404)


@pytest.mark.parametrize(("handler", "status"), [(_text, 502), (_broken, 502), (_refused, 404)])
def test_answers_that_cannot_be_filtered_are_not_handed_on(listed: Suppression, handler: Handler, status: int) -> None:
    got, body, _ = through(listed, handler, {})
    assert (got, EMAIL in body) == (status, False)


def test_without_its_list_nothing_is_served(listed: Suppression, tmp_path: Path) -> None:
    (tmp_path / "list.json").unlink()
    status, body, _ = through(listed, Upstream().chat, {"messages": []})
    assert (status, "list" in body) == (503, True)


def test_a_server_that_is_away_is_said_to_be_away(listed: Suppression) -> None:
    async def go() -> int:
        front, ours = await started(Proxy(Settings("http://127.0.0.1:9"), listed).application())
        try:
            async with aiohttp.ClientSession() as session, session.post(ours + CHAT, json={}) as answer:
                return answer.status
        finally:
            await front.cleanup()

    assert apart(go()) == 502


def test_the_list_follows_the_cases_api(tmp_path: Path) -> None:
    made = Suppression.build(tmp_path / "l.json", [Entry("email", EMAIL, "g1")], KEY)
    rows = json.loads((tmp_path / "l.json").read_text())["entries"]
    state: dict[str, Any] = {"etag": '"1"', "rows": []}

    async def api(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != "Bearer t":
            return web.Response(status=401)
        if request.headers.get("If-None-Match") == state["etag"]:
            return web.Response(status=304)
        lists = [{"artifact": "bot", "entries": state["rows"]}, {"artifact": "other", "entries": []}]
        return web.json_response({"version": "v", "suppressions": lists}, headers={"ETag": state["etag"]})

    async def go() -> None:
        app = web.Application()
        app.router.add_get("/api/v1/suppressions/", api)
        runner, address = await started(app)
        source = Source(f"{address}/api/v1/suppressions/", "t", "bot")
        try:
            listed = Suppression.of_rows(await first(source), KEY)
            assert listed.filter(EMAIL).text == EMAIL
            state.update(etag='"2"', rows=rows)
            following = asyncio.create_task(source.follow(listed, every=0.01))
            while listed.filter(EMAIL).text == EMAIL:
                await asyncio.sleep(0.01)
            following.cancel()
            with pytest.raises(SuppressionUnreadable, match="401"):
                await first(Source(source.url, "wrong"))
        finally:
            await runner.cleanup()

    apart(asyncio.wait_for(go(), 20))
    assert made.filter(EMAIL).text == BLOCKED_MARK
