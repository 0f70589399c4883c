"""A database that is emptied between tests must be allowed to empty the log."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management.commands import flush
from django.db import connections

from compliance.audit import triggers


@pytest.fixture(autouse=True)
def _flush_may_empty_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = flush.Command.handle

    def lifted(self: flush.Command, **options: Any) -> None:
        with triggers.lifted(connections[options["database"]]):
            handle(self, **options)

    monkeypatch.setattr(flush.Command, "handle", lifted)
