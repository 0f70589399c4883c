"""How California's deletion list hashes a person: every published example, and what has no hash here."""

from __future__ import annotations

import base64
import hashlib

import pytest

from compliance.rules import list_hashes
from compliance.rules.deletion_list import KNOWN
from compliance.rules.errors import InvalidInput
from compliance.rules.list_hashes import PARTS, hashed


@pytest.mark.parametrize(
    ("rule", "typed", "standard", "digest"),
    [
        ("name", "Juan Pablo", "juanpablo", "91hIbrbzNeqHs3o81O5yNrXUj7wDd2shvZ6THKi9qz8="),
        ("name", "Martinez", "martinez", "2wRPGbwBNxhShjRczx8GfS2c4cjvs4NJskeWloUNtp8="),
        ("born", "July 4, 1776", "17760704", "skXYXxBER6HQTZ3rXSZH1wVGLQ054mS5rbR/bwvzy4I="),
        ("zip_code", "91790-3771", "91790", "2FPZucR4x7U8KlM+SFAX4LPGhwNz/PIZUCSUdDh0o/s="),
        ("zip_code", "M1B 1A1", "m1b1a", "n8L9q8mVeT6Xt9/EeUNiTukGDrkbPJ3DvOEx14uElxk="),
        ("zip_code", " 00712345", "71234", "aeNUYKh7Xw5sqpxSbSP9eOHsj6iXewbUyavv89DIuhQ="),
        ("email", "Anna.Smith@Domain.com", "anna.smith@domain.com", "KA18MT/ph6IHYjzT9zwETySDQyvSh87YuoSBpOQtkhE="),
        ("phone", "+1(415)555-9317", "4155559317", "vGM7y5n+hBXRSEAklhHDPCbysyNgYTmXdMcagGUOY8E="),
        ("phone", "+84(90)123 4567", "4901234567", "ptzVkgbv9DonwvPCHmXmJ2SEOaolSh37z3ZzY/Gmm+U="),
        ("vin", "1HGCM82633A004352", "1hgcm82633a004352", "iNswy1m+0VSt8jAfFrvaiQ1R/0HAbgSwNGkwqo6QBss="),
        (
            "maid",
            "a3f1c2d4-5678-90ab-cdef-1234567890ab",
            "a3f1c2d4567890abcdef1234567890ab",
            "250KY6lOgzYUB3EHrkbDCE2kMEZQE69SF38muhoDudI=",
        ),
        ("ctvid", "SmartTV_9F8E7D6C", "smarttv9f8e7d6c", "d9fxuTIrKksBXYDlaWsvQbcyUUfCbUx7v78gd+KP+tc="),
    ],
)
def test_each_value_is_standardised_and_hashed_as_published(rule: str, typed: str, standard: str, digest: str) -> None:
    assert getattr(list_hashes, rule)(typed) == standard
    assert base64.b64encode(hashlib.sha256(standard.encode()).digest()).decode() == digest
    single = {"email": "Email", "phone": "Phone", "maid": "MAID", "ctvid": "CTVID"}.get(rule)
    assert single is None or hashed(single, typed) == digest


def test_a_person_by_name_birth_date_and_zip_code_is_hashed_as_published() -> None:
    expected = "PQOfn1RffEKmqMmNAzDKKaoZCwxWbQZkQzPWmQo9REA="
    for day in ("July 4, 1985", "1985-07-04", "19850704", "1985-07-04T00:00:00"):
        assert hashed("NDZ", "Danielle", " JOHNSON ", day, "91790") == expected


def test_a_person_by_name_and_vehicle_is_hashed_as_published() -> None:
    expected = "rtnDuXIe63jXYQQXW5r07GJ7lSsrib8+46QuKFwkOmk="
    assert hashed("NameVIN", "Eve", "Genesis", "1HGCM82633A004352") == expected


def test_addresses_keep_their_dots_and_tags() -> None:
    assert hashed("Email", " Alice@Co.COM ") == hashed("Email", "alice@co.com")
    assert hashed("Email", "a.lice+tag@co.com") != hashed("Email", "alice@co.com")


def test_accents_go_and_other_scripts_stay() -> None:
    assert (list_hashes.name("José-María"), list_hashes.name("O’Neil 3rd"), list_hashes.name("李")) == (
        "josemaria",
        "oneil3rd",
        "李",
    )


@pytest.mark.parametrize("name", ["Иван", "Νίκη", "Groß", "Søren", "", "-"])
def test_a_name_whose_letters_have_no_published_table_has_no_hash(name: str) -> None:
    assert list_hashes.name(name) is None
    assert hashed("NDZ", name, "Johnson", "1985-07-04", "91790") is None


@pytest.mark.parametrize("day", ["07/04/1985", "4.7.1985", "1985", "", "1985-02-30"])
def test_a_day_that_can_be_read_in_two_ways_or_not_at_all_has_no_hash(day: str) -> None:
    assert list_hashes.born(day) is None


@pytest.mark.parametrize(
    ("rule", "value"),
    [("vin", "1HGCM82633A00435"), ("maid", "a3f1"), ("ctvid", "abc"), ("maid", "z" * 32), ("zip_code", "0")],
)
def test_a_value_of_another_length_has_no_hash(rule: str, value: str) -> None:
    assert getattr(list_hashes, rule)(value) is None


def test_all_six_lists_are_hashed_and_no_other() -> None:
    assert set(PARTS) == set(KNOWN)
    for wrong in (("Fax", "1"), ("NDZ", "Danielle"), ("Email",)):
        with pytest.raises(InvalidInput, match="other values, or none"):
            hashed(*wrong)
