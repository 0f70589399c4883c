"""The serving-time list: catches spellings, holds no plaintext, and lets a bare name pass."""

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import SuppressionUnreadable, UnusableNeedle
from retrieval.suppress import BLOCKED_MARK, Entry, Suppression
from retrieval.text import variants

KEY = bytes(range(32))
ANA = [
    Entry("email", "ana.silva@x.com", "g1"),
    Entry("phone", "0151 2345678", "g1"),
    Entry("customer_id", "CUST-00123", "g1"),
    Entry("name", "Ana Müller", "g1"),
    Entry("attribute", "peanut allergy", "g1"),
    Entry("name", "Bob Stone", "g2"),
]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Suppression:
    return Suppression.build(tmp_path_factory.mktemp("list") / "suppressed.json", ANA, KEY, region="DE")


@pytest.mark.parametrize(
    "spelling",
    [
        "ana.silva@x.com",
        "Ana.Silva+news@X.com",
        "ana.silva (at) x.com",
        "ana dot silva at x dot com",
        "ana.silva%40x.com",
        "ａｎａ．ｓｉｌｖａ＠ｘ．ｃｏｍ",
        "ana\u200b.silva@x.com",
        "+49 (0)151 234-5678",
        "0049 151 2345678",
        "0151/23 45 678",
        "cust 00123",
        "CUST_00123",
    ],
)
def test_every_spelling_is_withheld_and_nothing_else(listed: Suppression, spelling: str) -> None:
    said = listed.filter(f"Sure – write to {spelling}, please.")
    assert said.text == f"Sure – write to {BLOCKED_MARK}, please."
    assert {blocked.group for blocked in said.blocked} == {"g1"}


def test_a_bare_name_or_a_bare_attribute_passes(listed: Suppression) -> None:
    for text in ("Ana Müller wrote a book.", "A peanut allergy is serious.", "Ana Müller and Ana Mueller"):
        said = listed.filter(text)
        assert (said.text, said.blocked) == (text, ())
        assert said.weak > 0


def test_a_name_with_another_attribute_of_the_same_person_is_withheld(listed: Suppression) -> None:
    said = listed.filter("Müller, Ana has a peanut allergy.")
    assert said.text == f"{BLOCKED_MARK} has a {BLOCKED_MARK}."


def test_attributes_of_two_people_do_not_add_up(listed: Suppression) -> None:
    text = "Bob Stone has a peanut allergy."
    assert listed.filter(text).text == text


def test_text_without_anybody_is_said_word_for_word(listed: Suppression) -> None:
    text = "Ana went to Stone Street 123; call 0151 999, mail sil va@x.com."
    assert listed.filter(text).text == text


@given(st.text(max_size=60), st.text(max_size=60))
def test_an_address_between_any_words_is_withheld(listed: Suppression, before: str, after: str) -> None:
    assert "ana.silva@x.com" not in listed.filter(f"{before} ana.silva@x.com {after}").text


def test_the_file_holds_no_plaintext(listed: Suppression, tmp_path: Path) -> None:
    Suppression.build(tmp_path / "l.json", ANA, KEY, region="DE")
    stored = (tmp_path / "l.json").read_text().lower()
    assert len(json.loads(stored)["entries"]) >= len(ANA)
    for fragment in ("ana", "silva", "2345678", "00123", "mueller", "peanut", "stone"):
        assert fragment not in stored.replace("attribute", "").replace("group", "")


def test_another_key_is_refused_and_gives_other_hashes(tmp_path: Path) -> None:
    Suppression.build(tmp_path / "a.json", ANA, KEY)
    Suppression.build(tmp_path / "b.json", ANA, KEY[::-1])
    digests = [
        {row["hash"] for row in json.loads((tmp_path / name).read_text())["entries"]} for name in ("a.json", "b.json")
    ]
    assert not digests[0] & digests[1]
    with pytest.raises(SuppressionUnreadable, match="another key"):
        Suppression(tmp_path / "a.json", KEY[::-1])


def test_an_entry_ends_on_its_day(tmp_path: Path) -> None:
    entries = [Entry("email", "ana.silva@x.com", "g1", until=date(2026, 5, 25))]
    listed = Suppression.build(tmp_path / "l.json", entries, KEY)
    assert listed.filter("ana.silva@x.com", today=date(2026, 5, 25)).text == BLOCKED_MARK
    assert listed.filter("ana.silva@x.com", today=date(2026, 5, 26)).text == "ana.silva@x.com"


def test_a_changed_file_is_followed(tmp_path: Path) -> None:
    listed = Suppression.build(tmp_path / "l.json", [], KEY)
    assert listed.filter("ana.silva@x.com").blocked == ()
    Suppression.build(tmp_path / "l.json", ANA, KEY)
    assert listed.filter("ana.silva@x.com").text == BLOCKED_MARK


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"key_check": "x", "format": 2, "entries": [{"a": 1}]}'])
def test_a_damaged_list_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "l.json").write_text(content)
    with pytest.raises(SuppressionUnreadable, match="damaged"):
        Suppression(tmp_path / "l.json", KEY)


def test_a_missing_list_stops_serving(tmp_path: Path) -> None:
    listed = Suppression.build(tmp_path / "l.json", ANA, KEY)
    (tmp_path / "l.json").unlink()
    with pytest.raises(SuppressionUnreadable, match="no such file"):
        listed.filter("hello")


def test_a_value_that_would_block_anybody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableNeedle):
        Suppression.build(tmp_path / "l.json", [Entry("attribute", "yes", "g1")], KEY)


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="16 to 64"):
        Suppression.build(tmp_path / "l.json", ANA, b"short")


@given(
    st.lists(
        st.sampled_from(["ana.silva@x.com", "Ana", " ", ". ", "+49 ", "0151 2345678", "über", "x", "\n", "@"]),
        max_size=12,
    ),
    st.integers(1, 9),
)
def test_a_stream_says_what_the_whole_text_says_but_for_context(
    listed: Suppression, parts: list[str], size: int
) -> None:
    text = "".join(parts)
    stream = listed.stream()
    said = "".join([*(stream.feed(text[at : at + size]) for at in range(0, len(text), size)), stream.finish()])
    whole = listed.filter(text)
    assert said.count(BLOCKED_MARK) >= (1 if whole.blocked else 0)
    assert bool(whole.blocked) or said == text
    assert "silva@x.com" not in said or "silva@x.com" in whole.text


@pytest.mark.parametrize("size", range(1, 9))
def test_what_follows_a_withheld_number_at_once_is_withheld_too(listed: Suppression, size: int) -> None:
    text, stream = "0151 2345678+49 ana.silva@x.com", listed.stream()
    said = "".join([*(stream.feed(text[at : at + size]) for at in range(0, len(text), size)), stream.finish()])
    assert said == listed.filter(text).text == f"{BLOCKED_MARK}+49 {BLOCKED_MARK}"


def test_a_stream_holds_back_only_what_may_become_a_match(listed: Suppression) -> None:
    stream = listed.stream()
    assert stream.feed("The weather is ") == "The weather "  # two letters may still begin something
    assert stream.feed("ana.") == "is "
    assert stream.feed("silvester ") == "ana.silvester "
    assert stream.feed("ana.silva@") == ""
    assert stream.feed("x.com ") == ""
    assert stream.feed("today ") == BLOCKED_MARK + " today "


def test_of_a_name_and_an_attribute_in_a_stream_the_second_is_withheld(listed: Suppression) -> None:
    stream = listed.stream()
    said = [stream.feed(word) for word in ("Ana ", "Müller ", "wrote. ", "She ", "has ", "a ", "peanut ", "allergy. ")]
    assert "".join([*said, stream.finish()]) == f"Ana Müller wrote. She has a {BLOCKED_MARK}. "


def test_packed_lists_are_small_mapped_and_say_the_same(tmp_path: Path, listed: Suppression) -> None:
    packed = Suppression.build(tmp_path / "l.bin", ANA, KEY, region="DE")
    text = "Müller, Ana, +49 151 2345678, ana.silva@x.com, peanut allergy"
    assert packed.filter(text) == listed.filter(text)
    stored = (tmp_path / "l.bin").read_bytes()
    assert not [part for part in (b"silva", b"2345678", b"peanut", b"a\0n\0a") if part in stored.lower()]
    many = [
        Entry("email", f"person{number}.{number * 7919 % 99991}@mail.org", f"g{number // 4}") for number in range(5_000)
    ]
    rows, size = Suppression.build(tmp_path / "many.bin", many, KEY).size
    assert (rows, size / rows <= 32) == (5_000, True)


@pytest.mark.parametrize("cut", [3, 11, 40, 200, -1])
def test_a_truncated_packed_list_is_refused(tmp_path: Path, cut: int) -> None:
    Suppression.build(tmp_path / "l.bin", ANA, KEY)
    (tmp_path / "l.bin").write_bytes((tmp_path / "l.bin").read_bytes()[:cut])
    with pytest.raises(SuppressionUnreadable, match="damaged"):
        Suppression(tmp_path / "l.bin", KEY)


@pytest.mark.parametrize(
    "spelling",
    [
        "аnа.sіlvа@х.соm",
        "ana.s1lva@x.c0m",
        "a n a . s i l v a @ x . c o m",
        "ána.sílva@x.com",
        "zero one five one two three four five six seven eight",
        "null eins fünf eins dreiundzwanzig fünfundvierzig siebenundsechzig acht",
        "zero quinze um vinte e três quarenta e cinco meia sete oito",
        "oh fifteen one twenty three forty five sixty seven eight",
        "ana.silva&#64;x.com",
        "ana ponto silva arroba x ponto com",
    ],
)
def test_disguises_are_seen_through(listed: Suppression, spelling: str) -> None:
    said = listed.filter(f"Here: {spelling}.")
    assert [blocked.group for blocked in said.blocked][:1] == ["g1"]
    assert sum(character.isalnum() for character in said.text) <= len("Here" + "zero" + "withheld")


@pytest.mark.parametrize(
    "text", ["maria.ana.silva@x.com", "ana.silva@x.com.br", "ana.silva@xx.com", "joana.silva@x.com"]
)
def test_a_neighbouring_mailbox_is_left_alone(listed: Suppression, text: str) -> None:
    stream = listed.stream()
    assert listed.filter(f"to {text} now").text == f"to {text} now"
    assert "".join([*(stream.feed(letter) for letter in f"to {text} now"), stream.finish()]) == f"to {text} now"


def test_a_companys_own_hotline_and_an_allowed_group_may_be_said(tmp_path: Path) -> None:
    entries = [*ANA, Entry("allowed", "ana.silva@x.com", "company")]
    listed = Suppression.build(tmp_path / "l.json", entries, KEY, region="DE")
    assert listed.filter("ana.silva@x.com or 0151 2345678").text == f"ana.silva@x.com or {BLOCKED_MARK}"
    assert listed.filter("CUST-00123", allow=["g1"]).text == "CUST-00123"


def test_counters_tell_kinds_in_tens_and_nothing_else(tmp_path: Path) -> None:
    listed = Suppression.build(tmp_path / "l.json", ANA, KEY)
    for _ in range(13):
        listed.filter("ana.silva@x.com")
    assert listed.counters.read() == {"texts": 10, "withheld email": 10}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "j@example.org"),
        ("phone", "+351 21 312 9000"),
        ("phone", "030 901820"),
        ("customer_id", "CUST-00123"),
        ("tax_id", "123.456.789-09"),
    ],
)
def test_every_spelling_in_which_an_identifier_is_stored_is_withheld(tmp_path: Path, kind: str, value: str) -> None:
    listed = Suppression.build(tmp_path / "l.json", [Entry(kind, value, "g")], KEY, region="DE")
    answers = [f"You can reach them at {spelling}, any time." for spelling in variants(kind, value, "DE")]
    assert [answer for answer in answers if listed.filter(answer).text == answer] == []
