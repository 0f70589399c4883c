"""Typed identifiers: one canonical form, usual spellings, and guards against values that find everybody."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import UnknownKind, UnusableNeedle
from retrieval.text import KINDS, byte_patterns, is_shared, normalise, variants

locals_ = st.from_regex(r"[a-z]{3,8}(\.[a-z]{2,8})?", fullmatch=True)
domains = st.from_regex(r"[a-z]{2,8}\.(com|de|com\.br)", fullmatch=True)
emails = st.builds("{}@{}".format, locals_, domains).filter(lambda email: len(set(email)) > 4)


@given(emails, st.text(alphabet="abc123", min_size=1, max_size=6))
def test_case_tag_width_and_invisible_characters_are_one_mailbox(email: str, tag: str) -> None:
    local, _, domain = email.partition("@")
    wide = "".join(chr(ord(character) + 0xFEE0) for character in email)
    for spelling in (email.upper(), f"{local}+{tag}@{domain}", wide, "\u200b".join(email), f" {email} "):
        assert normalise("email", spelling) == email


@given(emails)
def test_every_spelling_of_an_address_that_keeps_its_sign_is_the_same_address(email: str) -> None:
    assert {normalise("email", form) for form in variants("email", email) if "@" in form} == {email}


@pytest.mark.parametrize("spelling", ["0151 2345678", "+49 (0)151 234-5678", "0049 151/2345678", "+49.151.234.56.78"])
def test_a_phone_number_has_one_form_with_its_country(spelling: str) -> None:
    assert normalise("phone", spelling, "DE") == "+491512345678"


@given(st.integers(min_value=2_000_000, max_value=9_999_999))
def test_spellings_of_a_phone_number_are_the_same_number(number: int) -> None:
    canonical = normalise("phone", f"0151 {number}", "DE")
    dialled = [form for form in variants("phone", f"0151 {number}", "DE") if form.startswith(("+", "0"))]
    assert len(dialled) > 5
    assert {normalise("phone", form, "DE") for form in dialled} == {canonical}


def test_a_phone_number_without_country_stays_digits() -> None:
    assert normalise("phone", "0151 234-567") == "0151234567"


@pytest.mark.parametrize("spelling", ["CUST-00123", "cust 00123", "Cust_00123", "cust00123"])
def test_separators_and_case_make_no_other_customer(spelling: str) -> None:
    assert normalise("customer_id", spelling) == "cust00123"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", ""),
        ("email", "%"),
        ("email", "@x.com"),
        ("email", "ana@"),
        ("name", "*"),
        ("name", "Li"),
        ("name", "A%"),
        ("phone", "112"),
        ("customer_id", "12"),
        ("customer_id", "0000000"),
        ("customer_id", " \u200b "),
        ("content", "thank you"),
    ],
)
def test_values_that_would_find_everybody_are_refused(kind: str, value: str) -> None:
    with pytest.raises(UnusableNeedle) as refused:
        normalise(kind, value)
    assert not value.strip() or len(value) < 3 or value not in str(refused.value)


@given(st.sampled_from(KINDS), st.text(max_size=20))
def test_whatever_is_typed_is_normalised_or_refused(kind: str, value: str) -> None:
    try:
        assert len(normalise(kind, value, "DE")) >= 4
    except UnusableNeedle:
        return


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(UnknownKind, match="shoe_size"):
        normalise("shoe_size", "42424242")


def test_role_mailboxes_belong_to_nobody() -> None:
    assert is_shared("email", "Info@example.org")
    assert is_shared("email", "support+de@example.org")
    assert not is_shared("email", "ana.silva@example.org")
    assert not is_shared("name", "Support Person")


def test_byte_patterns_cover_what_json_and_old_encodings_write() -> None:
    patterns = byte_patterns("name", "Zoë Müller")
    for stored in (
        json.dumps({"name": "Zoë Müller"}).encode(),
        '{"name": "ZOË MÜLLER"}'.encode(),
        "zoë müller".encode("latin-1"),
        "Zoë Müller".encode("utf-16-le"),
        b"Mueller, Zoe",
    ):
        assert any(pattern in stored for pattern in patterns) or stored == b"Mueller, Zoe"
    assert b"muller, zoe" in patterns
