"""Finding people: every spelling counts, neighbours do not, and spans lead to the exact characters."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import UnusableNeedle
from retrieval.locate import Locator, locate
from retrieval.types import Found, Needle, Record

EMAIL = Needle("email", "ana.silva@x.com", "e")
PHONE = Needle("phone", "0151 234567", "p")
CODE = Needle("customer_id", "CUST-00123", "c")
NAME = Needle("name", "Ana Müller", "n")
ALL = [EMAIL, PHONE, CODE, NAME]


def find(text: str, *needles: Needle) -> list[Found]:
    return list(locate([Record("tickets.jsonl", "7", {"body": text})], needles or ALL, region="DE"))


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        ("Ana.Silva@X.com", "e"),
        ("ana.silva+news@x.com", "e"),
        ("ana.silva (at) x.com", "e"),
        ("ana dot silva at x dot com", "e"),
        ("ana.silva[at]x[dot]com", "e"),
        ("ana.silva%40x.com", "e"),
        ("ａｎａ．ｓｉｌｖａ＠ｘ．ｃｏｍ", "e"),
        ("ana\u200b.sil\u200bva@x.com", "e"),
        ("+49 (0)151 234-567", "p"),
        ("0049151234567", "p"),
        ("0151/234567", "p"),
        ("+49-151-23.45.67", "p"),
        ("٠١٥١ ٢٣٤٥٦٧", "p"),
        ("cust 00123", "c"),
        ("CUST00123", "c"),
        ("Müller, Ana", "n"),
        ("ANA MUELLER", "n"),
        ("ana muller", "n"),
    ],
)
def test_every_spelling_is_found_with_its_exact_span(spelling: str, key: str) -> None:
    text = f"Grüße — “{spelling}”, danke!"
    assert [(text[found.start : found.end], found.needle) for found in find(text)] == [(spelling, key)]


@pytest.mark.parametrize(
    "text",
    [
        "joana.silva@x.com",
        "maria.ana.silva@x.com",
        "ana.silva@x.com.br",
        "ana.silva@xx.com",
        "CUST-001234",
        "XCUST-00123",
        "1 0151 2345678",
        "order 1015123456799",
        "+1 151 234567",
        "Diana Müllerson",
        "Ana met Müller",
    ],
)
def test_a_namesake_or_a_neighbour_is_not_found(text: str) -> None:
    assert find(text) == []


def test_support_says_how_the_find_is_founded() -> None:
    passage = Needle("content", "my invoice of March was charged twice, please refund", "t")
    text = "Ana Müller ana.silva@x.com ANA.SILVA@X.COM: my Invoice of March was charged twice -- please refund!"
    assert [found.support for found in find(text, *ALL, passage)] == ["name", "exact", "normalised", "content"]


def test_results_and_needles_never_show_the_value() -> None:
    shown = repr(find("to ana.silva@x.com")) + repr(EMAIL) + repr(Record("p", "1", {"body": "ana.silva@x.com"}))
    assert "silva" not in shown.lower()


def test_a_useless_needle_is_refused_before_anything_is_read() -> None:
    def never() -> Iterator[Record]:
        yield pytest.fail("a record was read")

    with pytest.raises(UnusableNeedle):
        locate(never(), [Needle("email", "%", "k")])


def test_thousands_of_needles_are_told_apart_in_one_pass() -> None:
    needles = [Needle("email", f"user{number}@mail.org", str(number)) for number in range(3000)]
    text = "user12@mail.org, user1@mail.org; User2999@mail.org and user3000@mail.org"
    assert [found.needle for found in find(text, *needles)] == ["12", "1", "2999"]


def test_progress_ends_at_one() -> None:
    told: list[float] = []
    records = [Record("p", str(number), {"body": "x"}) for number in range(1200)]
    list(locate(records, [EMAIL], progress=lambda fraction, _: told.append(fraction), total=1200))
    assert told == sorted(told)
    assert told[-1] == 1.0


@given(st.text(max_size=40), st.text(max_size=40))
def test_an_address_between_any_other_text_is_found(before: str, after: str) -> None:
    text = f"{before} <ana.silva@x.com> {after}"
    start = len(before) + 2
    assert (start, start + 15) in [(low, high) for low, high, _ in Locator([EMAIL]).spans(text)]
