"""Every test run has an installation of its own: folder, keys, database; nothing of it survives the run."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_BROWSERS: list[Any] = []

# Before Django reads its settings: the installation of this process is a folder that goes with it.
_VAR = tempfile.mkdtemp(prefix="oubli-tests-")
os.environ["OUBLI_VAR"] = _VAR
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright runs a loop in the thread of live_server
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OUBLI_FORECAST_QUESTIONS", "0")  # a process of its own for each plan: tests of it ask for it
atexit.register(shutil.rmtree, _VAR, ignore_errors=True)


# The same examples on every machine, however slow it is; OUBLI_EXAMPLES=other draws others each time.
settings.register_profile(
    "same", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("other", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("OUBLI_EXAMPLES", "same"))


@pytest.fixture(scope="session", autouse=True)
def _the_log_may_be_emptied() -> Iterator[None]:
    """For the whole session: the live server's database is emptied after the fixtures of a single test are gone.

    Every window is shut first, because a page that follows a case goes on asking; an answer that is still being
    written may hold the database, and emptying it waits for that answer.
    """
    from django.core.management import CommandError
    from django.core.management.commands import flush
    from django.db import OperationalError, connections

    from compliance.audit import triggers

    handle = flush.Command.handle

    def lifted(self: flush.Command, **options: Any) -> None:
        for browser in _BROWSERS:
            for context in list(browser.contexts):
                context.close()
        give_up = time.monotonic() + 30
        while True:
            try:
                with triggers.lifted(connections[options["database"]]):
                    return handle(self, **options)
            except (OperationalError, CommandError) as error:
                if "locked" not in f"{error} {error.__cause__}" or time.monotonic() > give_up:
                    raise
                time.sleep(0.1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush.Command, "handle", lifted)
        yield


@pytest.fixture(autouse=True)
def _temporary_files_stay_where_they_were() -> Iterator[None]:
    """A worker moves its process's temporary files to its own folder; a test that ran one puts them back."""
    before, named = tempfile.tempdir, os.environ.get("TMPDIR")
    yield
    tempfile.tempdir = before
    if named is None:
        os.environ.pop("TMPDIR", None)
    else:
        os.environ["TMPDIR"] = named


@pytest.fixture(autouse=True)
def _languages_and_zones_end_with_their_test() -> Iterator[None]:
    """A page leaves its reader's language to the thread that answered; the next test may ask in no language."""
    from django.utils import timezone, translation

    yield
    translation.deactivate()
    timezone.deactivate()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One Chromium for the session."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        _BROWSERS.append(browser)
        yield browser
        _BROWSERS.remove(browser)
        browser.close()
