"""A company that has erased its person, made once and copied for each test; restoring its stores and its database."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from compliance.provenance.models import Artifact
from compliance.worker import erasure_book
from retrieval.scan import scan_tree
from retrieval.text import byte_patterns
from tests.worker.small_company import House
from tests.worker.test_whole_case import whole_case

RESTORED = ("tickets", "customers", "training-set", "conversations", "answers", "evaluation")


def replay(*words: str) -> str:
    """What the command says when nothing is left to a person; CommandError otherwise."""
    said = StringIO()
    call_command("replay", *words, stdout=said)
    return said.getvalue()


def patterns(house: House) -> list[bytes]:
    values = (("email", house.person.email), ("phone", house.person.phone), ("customer_id", house.person.customer_id))
    return [pattern for kind, value in values for pattern in byte_patterns(kind, value, "DE")]


def stores(house: House) -> list[Path]:
    return [path for path in house.folder.iterdir() if path.name not in ("index", "model", "systems.yaml")]


def left_in(house: House) -> dict[str, int]:
    return {n: c for path in stores(house) if path.is_dir() for n, c in scan_tree(path, patterns(house)).items()}


def restore(house: House, backup: Path) -> None:
    """Every store as it was before the case."""
    for path in stores(house):
        if path.is_dir():
            shutil.rmtree(path)
            shutil.copytree(backup / path.name, path)


_after: dict[str, Any] = {}  # the company, the installation and the database after the case, made once


def dump(target: Path) -> None:
    """The whole database, as its own backup interface copies it."""
    connection.ensure_connection()
    with closing(sqlite3.connect(target)) as copy:
        connection.connection.backup(copy)


def take_back(source: Path) -> None:
    """The whole database as it was dumped."""
    with closing(sqlite3.connect(source)) as copy:
        copy.backup(connection.connection)


def erase_once(house: House, installation: Path, kept: Path) -> None:
    erasure_book.path().unlink(missing_ok=True)
    shutil.copytree(house.folder, kept / "backup")
    whole_case(house)
    shutil.copytree(house.folder, kept / "company")
    shutil.copytree(installation, kept / "var")
    dump(kept / "dump.sqlite3")
    _after.update(kept=kept, folder=str(house.folder), house=house)


@pytest.fixture
def erased(
    records: House, installation: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[House, Path]:
    """A company that has erased its person, and a backup from before."""
    if not _after:
        erase_once(records, installation, tmp_path_factory.mktemp("erased"))
    kept, backup = _after["kept"], tmp_path / "backup"
    for source, target in (("company", records.folder), ("var", installation), ("backup", backup)):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(kept / source, target)
    take_back(kept / "dump.sqlite3")
    for artifact in Artifact.objects.all():
        artifact.location = artifact.location.replace(_after["folder"], str(records.folder))
        artifact.save(update_fields=["location"])
    return replace(_after["house"], folder=records.folder), backup
