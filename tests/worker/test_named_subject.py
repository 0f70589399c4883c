"""Whose case the command line runs: an address, and a name where there is one."""

from __future__ import annotations

import pytest
from django.core.management import CommandError

from compliance.rules.errors import InvalidInput
from compliance.worker.demo import Subject
from compliance.worker.management.commands.run import _subject


def test_an_address_alone_or_with_a_name() -> None:
    assert _subject("") is None
    assert _subject("email:ana@example.org") == Subject(email="ana@example.org")
    assert _subject("name:Ana Lima; email:ana@example.org;") == Subject(email="ana@example.org", name="Ana Lima")


@pytest.mark.parametrize("typed", ["customer_id:C-1042", "name:Ana Lima", "email:ana@example.org;phone:+49 30 901820"])
def test_who_cannot_get_a_letter_is_not_taken_for_an_address(typed: str) -> None:
    with pytest.raises(CommandError, match="named by an e-mail address"):
        _subject(typed)


def test_what_is_no_identifier_is_refused_without_being_repeated() -> None:
    with pytest.raises(InvalidInput) as refused:
        _subject("ana@example.org")
    assert "ana@" not in str(refused.value)
