"""A new master key: what the old one sealed opens, what it hashed still matches, and the old one opens nothing."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.core.management import CommandError, call_command

from compliance.accounts import master_key, second_factor
from compliance.intake import identity, vault
from compliance.intake.models import CaseKey, ErasureRequest
from compliance.jobs.models import Job
from compliance.rules.terms import IdentifierKind
from tests.web import seeded
from tests.web.test_second_factor import with_app

OLD = "the first master key of this test"


@pytest.fixture
def house(aurora: seeded.Company, settings: Any) -> tuple[ErasureRequest, list[str]]:
    """A case, an officer with a second factor, and a master key that stands in a file."""
    keys = Path(settings.OUBLI_KEYS)
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "oubli_master_key").write_text(OLD)
    settings.OUBLI_MASTER_KEY, settings.OUBLI_MASTER_KEY_PREVIOUS = OLD, ""
    _, codes = with_app(aurora.olga)
    return seeded.accepted(aurora), codes


def rotate(**options: Any) -> str:
    out = StringIO()
    call_command("rotate_keys", stopped=True, stdout=out, **options)
    return out.getvalue()


def restarted(settings: Any) -> None:
    """The settings as a process reads them that starts now."""
    keys = Path(settings.OUBLI_KEYS)
    previous = keys / "oubli_master_key_previous"
    settings.OUBLI_MASTER_KEY = (keys / "oubli_master_key").read_text()
    settings.OUBLI_MASTER_KEY_PREVIOUS = previous.read_text() if previous.exists() else ""


def opens(house: tuple[ErasureRequest, list[str]]) -> bool:
    case, codes = house
    return vault.opened(case)["identifiers"] != [] and second_factor.accept(
        seeded.User.objects.get(username="olga"), codes.pop()
    )


def hashes() -> tuple[bytes, bytes, bytes, str]:
    return (
        vault.lookup_key(),
        vault.exclusion_key(),
        vault.suppression_key(),
        identity.key_of(IdentifierKind.EMAIL, seeded.ALICE),
    )


def test_everything_opens_and_matches_under_the_new_key_alone(house: Any, settings: Any) -> None:
    before = hashes()
    assert "1 cases, 0 undo copies, 2 second factors" in rotate()
    restarted(settings)
    assert settings.OUBLI_MASTER_KEY not in ("", OLD) and settings.OUBLI_MASTER_KEY_PREVIOUS == ""
    assert hashes() == before
    assert opens(house)


def test_the_old_key_opens_nothing_any_more(house: Any, settings: Any) -> None:
    rotate()
    settings.OUBLI_MASTER_KEY, settings.OUBLI_MASTER_KEY_PREVIOUS = OLD, ""
    with pytest.raises(InvalidToken):
        vault.opened(house[0])
    with pytest.raises(InvalidToken):
        second_factor.accept(seeded.User.objects.get(username="olga"), house[1][0])
    with pytest.raises(Exception, match="does not open hashing_keys"):
        vault.lookup_key()


def test_a_second_rotation_keeps_the_hashes_too(house: Any, settings: Any) -> None:
    before = hashes()
    for _ in range(2):
        rotate()
        restarted(settings)
    assert hashes() == before
    assert opens(house)


def test_killed_between_the_keys_and_the_rows_the_house_works_and_the_next_run_ends_it(
    house: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hashes()
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr("compliance.worker.key_rotation.rotate", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        rotate()
    restarted(settings)
    assert settings.OUBLI_MASTER_KEY_PREVIOUS == OLD
    assert hashes() == before and opens(house)
    half = settings.OUBLI_MASTER_KEY
    rotate()
    restarted(settings)
    assert half == settings.OUBLI_MASTER_KEY and not settings.OUBLI_MASTER_KEY_PREVIOUS
    assert hashes() == before and opens(house)


def test_killed_between_the_two_files_no_key_is_lost(house: Any, settings: Any) -> None:
    (Path(settings.OUBLI_KEYS) / "oubli_master_key_previous").write_text(OLD)
    restarted(settings)
    assert opens(house)
    rotate()
    restarted(settings)
    assert settings.OUBLI_MASTER_KEY != OLD
    assert opens(house)


def test_a_key_from_the_environment_is_rotated_in_two_halves(house: Any, settings: Any) -> None:
    (Path(settings.OUBLI_KEYS) / "oubli_master_key").unlink()
    with pytest.raises(CommandError, match="OUBLI_MASTER_KEY_PREVIOUS to the one in use"):
        rotate()
    settings.OUBLI_MASTER_KEY, settings.OUBLI_MASTER_KEY_PREVIOUS = "a new one", OLD
    before = hashes()
    assert "out of the environment" in rotate()
    settings.OUBLI_MASTER_KEY_PREVIOUS = ""
    assert hashes() == before and opens(house)


def test_what_no_key_opens_stops_it_before_anything_changes(house: Any, settings: Any) -> None:
    (Path(settings.OUBLI_KEYS) / "oubli_master_key").unlink()
    sealed = [bytes(row.wrapped) for row in CaseKey.objects.all()], [row.data for row in Authenticator.objects.all()]
    settings.OUBLI_MASTER_KEY, settings.OUBLI_MASTER_KEY_PREVIOUS = "a new one", "not the one in use"
    with pytest.raises(CommandError, match="nothing was changed"):
        rotate()
    assert sealed == (
        [bytes(row.wrapped) for row in CaseKey.objects.all()],
        [row.data for row in Authenticator.objects.all()],
    )


def test_nothing_is_rotated_while_something_runs(house: Any) -> None:
    with pytest.raises(CommandError, match="stop web, workers and scheduler"):
        call_command("rotate_keys")
    Job.objects.update(status="running", lease_until=second_factor.timezone.now() + second_factor.PAUSE)
    if not Job.objects.exists():
        pytest.fail("the seeded case has no job")
    with pytest.raises(CommandError, match="A worker holds a job"):
        rotate()


def test_the_keys_are_the_owners_alone(house: Any, settings: Any) -> None:
    rotate()
    for name in ("oubli_master_key", "hashing_keys"):
        assert (Path(settings.OUBLI_KEYS) / name).stat().st_mode & 0o777 == 0o600
    assert OLD.encode() not in b"".join(p.read_bytes() for p in Path(settings.OUBLI_KEYS).iterdir())
    assert master_key.hashing("lookup").hex() not in (Path(settings.OUBLI_KEYS) / "hashing_keys").read_text()
