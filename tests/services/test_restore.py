"""Our own database is dumped, a person is erased, and the dump is restored: a replay erases the person again."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from compliance.worker.sample.people import company
from tests.services.installation import Installation
from tests.services.test_case import case_of, without_models

pytestmark = [pytest.mark.services, pytest.mark.enable_socket]
Way = tuple[Callable[[Path], None], Callable[[Path], None]]


def program(name: str) -> str:
    """A client program of PostgreSQL: Debian's newest."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[-3]))
    return str(found[-1]) if found else str(shutil.which(name))


def of_postgresql(house: Installation) -> Way:
    def dump(target: Path) -> None:
        subprocess.run([program("pg_dump"), "--format=custom", f"--file={target}", house.database], check=True)

    def restore(source: Path) -> None:
        command = [program("pg_restore"), "--clean", "--if-exists", f"--dbname={house.database}", str(source)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-1000:]

    return dump, restore


def of_sqlite(house: Installation) -> Way:
    live = urlsplit(house.database).path

    def copy(source: str | Path, target: str | Path) -> None:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)

    return (lambda target: copy(live, target)), (lambda source: copy(source, live))


@pytest.fixture(params=["postgresql", "sqlite"])
def restorable(request: pytest.FixtureRequest, house: Installation, tmp_path: Path) -> tuple[Installation, Way]:
    """An installation on each database, migrated, and how it is dumped and restored."""
    if request.param == "postgresql":
        return house, of_postgresql(house)
    (tmp_path / "lite").mkdir()
    lite = Installation(tmp_path / "lite", f"sqlite:///{tmp_path}/lite/oubli.sqlite3", house.broker)
    done = lite.manage("migrate", "--verbosity", "0")
    assert done.returncode == 0, done.stderr
    return lite, of_sqlite(lite)


@pytest.mark.slow
def test_a_replay_after_a_restore_erases_again_and_the_logs_gap_is_the_only_finding(
    restorable: tuple[Installation, Way], tmp_path: Path
) -> None:
    house, (dump, restore) = restorable
    sample, backup = tmp_path / "aurora", tmp_path / "backup"
    systems = without_models(sample)
    registered = house.manage("register", str(systems))
    assert registered.returncode == 0, registered.stdout + registered.stderr
    shutil.copytree(sample, backup)
    assert "olga.demo" in house.act("hire")
    dump(tmp_path / "own.dump")
    case_of(house, systems)
    tickets = sample / "raw" / "tickets.jsonl"
    erased = tickets.read_bytes()
    person, namesake = company(small=True).demo.email, company(small=True).namesake.email
    assert person not in erased.decode()
    assert house.manage("replay").returncode == 0, "nothing was restored: nobody is needed"
    restore(tmp_path / "own.dump")
    shutil.rmtree(sample)
    shutil.copytree(backup, sample)
    assert person in tickets.read_text()
    done = house.manage("replay")
    assert done.returncode == 0, done.stdout + done.stderr
    assert person not in done.stdout
    assert person not in tickets.read_text()
    assert namesake in tickets.read_text()
    database = (sample / "crm.sqlite").read_bytes() if (sample / "crm.sqlite").exists() else b""
    assert person.encode() not in database
    verified = house.manage("verify_log")
    told = [line for line in verified.stderr.splitlines() if line.startswith("  ")]
    assert len(told) == 1, verified.stderr
    assert "log-head.txt" in told[0]
    acknowledged = house.manage("verify_log", "--acknowledge", "the disk was lost", "--by", "olga.demo")
    assert acknowledged.returncode == 3, acknowledged.stderr
    assert "olga.demo on 20" in house.manage("verify_log").stderr, "it is said for ever"
    assert house.manage("replay").stdout.count(" 0 removed, 0 redacted") == done.stdout.count(" records read")
