"""A worker that is started before ``manage.py migrate`` says so and waits, instead of failing at every message."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

PAUSE: Final = 5.0  # seconds between two looks
log = logging.getLogger("oubli.worker")


def missing() -> int:
    """How many migrations of this version the database does not have; 0 also when it cannot be asked just now."""
    try:
        executor = MigrationExecutor(connection)
        return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:
        return 0  # whoever works with it says what is wrong, and tries again
    finally:
        connection.close()


def wait(*, pause: float = PAUSE) -> None:
    """Return once the database is set up for this version."""
    said = False
    while count := missing():
        if not said:
            log.warning(
                "The database is not set up for this version of Oubli: %d %s. Next: run manage.py migrate; "
                "this worker begins by itself then.",
                count,
                "migration is missing" if count == 1 else "migrations are missing",
            )
        said = True
        time.sleep(pause)
    if said:
        log.warning("The database is set up; this worker begins.")


def before_work(**_: Any) -> None:
    """What Celery calls when a worker starts."""
    wait()
