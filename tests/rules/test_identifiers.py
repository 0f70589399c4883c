"""Identifiers: read as typed, compared by keyed hash, shown redacted, refused when they would match anybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.rules import identifiers
from compliance.rules.errors import InvalidInput
from compliance.rules.terms import IdentifierKind

KEY = b"0123456789abcdef"


def test_spellings_of_one_mailbox_have_one_keyed_hash() -> None:
    typed = ["alice@example.org", " Alice@Example.ORG ", "alice+shop@example.org"]
    assert len({identifiers.keyed_hash(KEY, "email", value) for value in typed}) == 1


def test_spellings_of_one_telephone_number_have_one_keyed_hash() -> None:
    typed = ["+49 30 901820", "0049 30 901820", "030 / 90 18 20"]
    assert len({identifiers.keyed_hash(KEY, "phone", value, region="DE") for value in typed}) == 1


def test_the_keyed_hash_depends_on_key_and_kind() -> None:
    one = identifiers.keyed_hash(KEY, "customer_id", "AB12345")
    assert len(one) == 64
    assert one != identifiers.keyed_hash(KEY[::-1], "customer_id", "AB12345")
    assert one != identifiers.keyed_hash(KEY, "username", "AB12345")


def test_hashing_what_is_canonical_already_changes_nothing() -> None:
    parsed = identifiers.parse("email:Alice+x@example.org")
    assert identifiers.keyed_hash(KEY, parsed.kind, parsed.canonical) == identifiers.keyed_hash(
        KEY, parsed.kind, parsed.value
    )


def test_a_short_key_is_refused() -> None:
    with pytest.raises(InvalidInput, match="key"):
        identifiers.keyed_hash(b"short", "email", "alice@example.org")


REFUSED = [
    "email:",
    "email:   ",
    "email:%@%.%",
    "email:*@example.org",
    "customer_id:%",
    "username:unknown",
    "customer_id:0",
]
REFUSED += ["customer_id:000000", "customer_id:123456", "customer_id:12-34-56", "username:N/A", "phone:12", "name:Al"]
REFUSED += ["alice@example.org", "passport:C01X00T47", "email:" + "a" * 400 + "@example.org", "username:bad\x00name"]


@pytest.mark.parametrize("typed", REFUSED)
def test_a_selector_that_would_match_anybody_is_refused_without_repeating_it(typed: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        identifiers.parse(typed)
    value = typed.partition(":")[2].strip()
    assert len(value) < 4 or value not in str(caught.value)


def test_a_role_mailbox_is_flagged_as_shared_and_does_not_find_alone() -> None:
    shared, own = identifiers.parse("email:info@example.org"), identifiers.parse("email:alice@example.org")
    assert (shared.shared, shared.finds_alone) == (True, False)
    assert (own.shared, own.finds_alone) == (False, True)


def test_a_bare_name_never_finds_alone() -> None:
    assert not identifiers.parse("name:Alice Martins").finds_alone


def test_an_identifier_does_not_print_itself() -> None:
    parsed = identifiers.parse("email:alice@example.org")
    assert "alice" not in f"{parsed} {parsed!r}" and "example" not in f"{parsed} {parsed!r}"
    assert str(parsed) == "email:a…@e…"


@given(st.sampled_from(list(IdentifierKind)), st.text(min_size=1, max_size=40))
def test_redaction_shows_at_most_two_characters_of_a_word(kind: IdentifierKind, value: str) -> None:
    shown = identifiers.redact(kind, value)
    assert "…" in shown
    for word in value.split():
        assert len(word) <= 2 or word not in shown or set(word) <= {"…", "@"}
