"""Fixtures of the API's tests: two companies, an evidence folder of the test's own, fresh throttles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from tests.api.building import Company, company


@pytest.fixture(autouse=True)
def _fresh_throttles() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def aurora(db: None) -> Company:
    """Alice's company."""
    return company("aurora")


@pytest.fixture
def boreal(db: None) -> Company:
    """Another company in the same installation."""
    return company("boreal")


@pytest.fixture
def evidence(tmp_path: Path, settings: Any) -> Path:
    """An evidence folder of this test's own."""
    settings.OUBLI_EVIDENCE = tmp_path / "evidence"
    return tmp_path / "evidence"
