"""Fixtures of the pages' tests: the seeded company, signed-in staff, and one browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.web import seeded


@pytest.fixture(autouse=True)
def own_keys(tmp_path: Path, settings: Any) -> None:
    """Keys and evidence of the test's own; passwords hashed fast, because nobody attacks them here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.OUBLI_KEYS = tmp_path / "keys"
    settings.OUBLI_EVIDENCE = tmp_path / "evidence"


@pytest.fixture
def aurora(db: None) -> seeded.Company:
    """Alice's company."""
    return seeded.company()


@pytest.fixture
def lumen(db: None) -> seeded.Company:
    """Another company of the same installation, under Brazilian law."""
    return seeded.company("lumen", "Lumen Saúde S.A.", law=seeded.Law.LGPD)


def _signed_in(user: seeded.User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def olga(aurora: seeded.Company) -> Client:
    """The officer's browser, without scripts."""
    return _signed_in(aurora.olga)


@pytest.fixture
def bruno(aurora: seeded.Company) -> Client:
    """The approver's."""
    return _signed_in(aurora.bruno)


@pytest.fixture
def amir(aurora: seeded.Company) -> Client:
    """The auditor's."""
    return _signed_in(aurora.amir)


@pytest.fixture
def stranger(lumen: seeded.Company) -> Client:
    """An officer of the other company."""
    return _signed_in(lumen.olga)
