"""A whole installation for a journey: the small company, a site over a database in a file, one browser."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django.live_server_helper import LiveServer

from tests.worker.small_company import built_company, house, installation

__all__ = ["built_company", "house", "installation", "site"]


@pytest.fixture
def site(transactional_db: None, chromium: Any, tmp_path: Path, settings: Any) -> Iterator[str]:
    """The address of a server whose database is a file, as an installation's is.

    One in memory, which the other tests have, is locked table by table between the server's threads and the worker's.
    """
    connection.ensure_connection()
    in_memory, name = connection.connection, connection.settings_dict["NAME"]
    path = tmp_path / "journey.sqlite3"
    with sqlite3.connect(path) as copy:
        in_memory.backup(copy)
    copy.close()
    connection.connection, connection.settings_dict["NAME"] = None, str(path)
    server = LiveServer("localhost")
    settings.OUBLI_SITE, settings.ALLOWED_HOSTS = server.url, ["localhost"]
    try:
        yield server.url
    finally:
        for context in list(chromium.contexts):
            context.close()
        server.stop()
        connection.close()
        connection.connection, connection.settings_dict["NAME"] = in_memory, name
