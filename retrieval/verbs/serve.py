"""``serve``: an OpenAI-compatible proxy that filters what goes in and what comes out."""

import asyncio
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

HELP = "filter a model server's requests and answers, as a proxy in front of it"


def arguments(parser: ArgumentParser) -> None:
    """Take addresses, the list (a file, or the case's API) and its key."""
    parser.add_argument("--upstream", required=True, metavar="URL", help="the model server, without its /v1/…")
    parser.add_argument("--key-file", type=Path, required=True, help="the list's key, 16 to 64 bytes")
    parser.add_argument("--list", type=Path, help="a list file; read again when it changes")
    parser.add_argument("--from", dest="source", metavar="URL", help="the case's API: …/api/v1/suppressions/")
    parser.add_argument("--token-file", type=Path, help="bearer token for --from")
    parser.add_argument("--artifact", default="", help="with --from: only this artifact's entries")
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two looks at --from")
    parser.add_argument(
        "--allow-token-file", type=Path, help="who sends it in X-Oubli-Allow may name groups to let through"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8088)


def run(given: Namespace) -> tuple[object, int]:
    """Serve until interrupted."""
    if bool(given.list) == bool(given.source):
        raise ValueError("Starting the proxy: name either --list FILE or --from URL.")
    if given.source and not given.token_file:
        raise ValueError("Starting the proxy: --from needs --token-file.")
    try:
        asyncio.run(_serve(given))
    except KeyboardInterrupt:
        return {"served": given.upstream}, 0
    return {"served": given.upstream}, 0


async def _serve(given: Namespace) -> None:
    from retrieval.serving.proxy import Proxy, Settings, serve
    from retrieval.serving.reload import Source, first
    from retrieval.suppress import Suppression

    key = given.key_file.read_bytes()
    beside: Any = None
    if given.source:
        source = Source(given.source, given.token_file.read_text().strip(), given.artifact)
        listed = Suppression.of_rows(await first(source), key)
        beside = source.follow(listed, every=given.every)
    else:
        listed = Suppression(given.list, key)
    listed.filter("ready 1")  # what is compiled on first use is compiled before the first question
    token = given.allow_token_file.read_text().strip() if given.allow_token_file else ""
    rows, _ = listed.size
    print(f"serving {given.upstream} on http://{given.host}:{given.port}, {rows} rows", flush=True)
    await serve(Proxy(Settings(given.upstream, token), listed), host=given.host, port=given.port, beside=beside)
