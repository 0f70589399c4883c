"""The list as the case's API has it: fetched at the start, asked again with its ETag, replaced when it has changed."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from retrieval.errors import SuppressionUnreadable
from retrieval.suppress import Suppression

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Source:
    """Where the list is: the API's address, a bearer token, and which artifact's rows count (all, if none is named)."""

    url: str
    token: str = field(repr=False)
    artifact: str = ""
    etag: str = ""

    async def fetch(self, session: aiohttp.ClientSession) -> list[dict[str, Any]] | None:
        """Return the rows, None when nothing has changed; raises ``SuppressionUnreadable``."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        headers |= {"If-None-Match": self.etag} if self.etag else {}
        try:
            async with session.get(self.url, headers=headers, allow_redirects=False) as answer:
                if answer.status == 304:
                    return None
                if answer.status != 200:
                    raise SuppressionUnreadable(f"Fetching the suppression list: the API answered {answer.status}.")
                content = await answer.json()
                self.etag = answer.headers.get("ETag", "")
                return rows_of(content, self.artifact)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError) as error:
            why = type(error).__name__
            raise SuppressionUnreadable(f"Fetching the suppression list: {why}; check address and token.") from None

    async def follow(self, listed: Suppression, *, every: float) -> None:
        """Ask again and again; while the API does not answer, the last list goes on counting."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            while True:
                await asyncio.sleep(every)
                try:
                    rows = await self.fetch(session)
                    if rows is not None:
                        listed.replace(rows)
                except SuppressionUnreadable as error:
                    log.warning("%s The last list goes on counting.", error)


def rows_of(content: dict[str, Any], artifact: str) -> list[dict[str, Any]]:
    """Return the rows of the API's answer that count for an artifact."""
    lists = [part for part in content["suppressions"] if not artifact or part["artifact"] == artifact]
    return [row for part in lists for row in part["entries"]]


async def first(source: Source) -> list[dict[str, Any]]:
    """Fetch the list once."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        return await source.fetch(session) or []
