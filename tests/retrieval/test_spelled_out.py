"""A value said letter by letter, in pieces of two, with a tag or in another language is caught; nothing else is."""

import time
from pathlib import Path

import pytest

from retrieval.suppress import BLOCKED_MARK, Entry, Suppression

KEY = bytes(range(32))
ENTRIES = [
    Entry("email", "ana.silva77@mail.example", "a"),
    Entry("phone", "0151 23456789", "b"),
    Entry("customer_id", "K24172770-B", "c"),
    Entry("name", "Otto Um Berg", "d"),
]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Suppression:
    return Suppression.build(tmp_path_factory.mktemp("list") / "list.json", ENTRIES, KEY, region="DE")


def _streamed(listed: Suppression, text: str, size: int) -> str:
    stream = listed.stream()
    return "".join([*(stream.feed(text[at : at + size]) for at in range(0, len(text), size)), stream.finish()])


SPELLED = [
    "a n a . s i l v a 7 7 @ m a i l . e x a m p l e",
    "a n a d o t s i l v a 7 7 a r r o b a m a i l p o n t o e x a m p l e",
    "a n a . s i l v a 7 7 + n e w s . 2 @ m a i l . e x a m p l e",
    "a n a . s i l v a 7 7 ( a t ) m a i l . e x a m p l e",
    "a n a . s i l v a 7 7 & # 6 4 ; m a i l . e x a m p l e",
    "an/a./si/lv/as/ie/be/ns/ev/en/at/ma/il/do/te/xa/mp/le",
    "ana.silva77+news Punkt 2024 at mail Punkt example",
    "ana.silva77+news\n.2024@mail.example",
    "ana.silva77&#6\n4;mail.example",
    "n u l l e i n s f u n f e i n s z w e i d r e i v i e r f u n f s e c h s s i e b e n a c h t n e u n",
    "ei-ns-fü-nf-ei-ns-zw-ei-dr-ei-vi-er-fü-nf-se-ch-ss-ie-be-na-ch-tn-eu-n",
    "zéro un cinq un deux trois quatre cinq six sept huit neuf",
    "zero jeden pięć jeden dwa trzy cztery pięć sześć siedem osiem dziewięć",
    "sıfır bir beş bir iki üç dört beş altı yedi sekiz dokuz",
    "⁰¹⁵¹ ²³⁴⁵⁶⁷⁸⁹",
    "K d o s c u a t r o u n o s i e t e d o s s i e t e s i e t e c e r o - B",
]


@pytest.mark.parametrize("spelled", SPELLED)
def test_two_disguises_at_once_are_seen_through(listed: Suppression, spelled: str) -> None:
    text = f"Bitte wenden an {spelled} oder gar nicht."
    for said in (listed.filter(text).text, *(_streamed(listed, text, size) for size in (1, 3, 7))):
        inside = said.removeprefix("Bitte wenden an ").removesuffix(" oder gar nicht.")
        assert BLOCKED_MARK in inside
        assert sum(map(str.isalnum, inside.replace(BLOCKED_MARK, ""))) <= 5


HARMLESS = [
    "I am in it, so is he; if we go to it by 5 or 6 pm, ok?",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
    "o n e t w o t h r e e, a n a, s i l v a 7 8 @ m a i l . e x a m p l e",
    "C + + and + 49 % of # 5 at 10 @ 3 €",
    "+ a + b + c at d @ e",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_short_words_that_spell_nobody_are_said_as_they_are(listed: Suppression, text: str) -> None:
    assert listed.filter(text).text == text
    assert _streamed(listed, text, 2) == text


def test_what_stands_before_and_behind_a_spelled_out_value_is_said(listed: Suppression) -> None:
    text = "Call me at K 2 4 1 7 2 7 7 0 - B or so, a b c."
    assert _streamed(listed, text, 1) == f"Call me at {BLOCKED_MARK} or so, a b c."


def test_a_name_spelled_out_blocks_only_beside_something_else_of_the_person(listed: Suppression) -> None:
    assert listed.filter("O t t o U m B e r g came.").blocked == ()
    assert listed.filter("otto dot um dot berg").blocked == ()


def test_a_value_in_the_middle_of_an_endless_run_is_found_and_the_run_costs_what_it_weighs(listed: Suppression) -> None:
    letters = " ".join("xqzj" * 4_000)
    text = f"{letters} {' '.join('K24172770-B')} {letters}"
    began = time.process_time()
    assert listed.filter(text).text == f"{letters} {BLOCKED_MARK} {letters}"
    assert _streamed(listed, text, 50).count(BLOCKED_MARK) == 1
    assert time.process_time() - began < 20


def test_hostile_runs_of_said_digits_end(listed: Suppression, tmp_path: Path) -> None:
    for text in ("o n e " * 3_000, "u m a t " * 3_000, "K" + " 2 4 1 7 2 7 7 0" * 2_000, "a +" * 5_000 + " at" * 2_000):
        assert listed.filter(text).blocked == ()
