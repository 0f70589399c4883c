"""The first look over raw bytes reports whatever the loop over squeezed letters reports, in any text."""

import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest

from retrieval.anchors import forms_of
from retrieval.folding import fold_character
from retrieval.glance import line_start
from retrieval.lanes import available
from retrieval.letters import letters
from retrieval.prefilter import Prefilter
from retrieval.types import Needle

NEEDLES = [
    Needle("email", "ana.silva@x.com", "dotted"),
    Needle("email", "firstname.middle.lastname@mail.org", "long"),
    Needle("phone", "0151 234567", "phone"),
    Needle("customer_id", "CUST-00123", "customer"),
    Needle("name", "Ana Müller", "umlaut"),
    Needle("name", "Анна Иванова", "cyrillic"),
    Needle("name", "Łukasz Straße", "stroke"),
    Needle("name", "山田 太郎花子山", "han"),
]
FORMS = [form for needle in NEEDLES for form in forms_of(needle, "DE")[0]]
_GLUE = [".", "-", " ", "_", "  ", "\u200b", "\u00ad", "\u0301", "\\n", '\\"', "\\\\", "@", "+", "/", ""]
_NOISE = [
    *'aAnNsS0159.-_@+"\\\n/ üßéøŁÅ½²㎏１٣ан山℀\u200b\u00ad\u0301𝟎𝐚ſK',
    *(
        "\\n",
        "\\u0061",
        "\\u00e3",
        "\\ud835\\udfce",
        "\\u200b",
        '\\"',
        "ana",
        "silva",
        "cust00",
        "muller",
        "0151",
        "ss",
        "\\u00e7\\u00e3",
        "\\u00d7",
        "\\u00F7",
        "\\u00e",
        "×",
        "÷é",
        "’",
        "\\ud83d",
    ),
]
_BROKEN = [
    b"\xc3",
    b"\xe2\x80",
    b"\xff",
    b"\x80",
    b"\xc0\x80",
    b"\xf0\x9d",
    b"\\u12",
    b"\\ud835",
    b"\\",
    b"\xed\xa0\xbd",
    b"\\\xc3",
    b"\\\xc3\xa9\xc3\xa9",
]
_ALIKE = {"a": "ä", "e": "é", "s": "ſ", "u": "ù", "1": "¹", "0": "٠"}


def _spelled(word: str, chance: random.Random) -> str:
    """Write a form as hostile text might: separators, invisible characters, escapes, other alphabets."""
    out = []
    for letter in word:
        if chance.random() < 0.08:
            out.append(chance.choice(_GLUE))
        way = chance.random()
        if way < 0.05 and ord(letter) < 0x10000:
            out.append(f"\\u{ord(letter):04x}")
        elif way < 0.14 and letter.isascii():
            out.append(letter.upper() if way < 0.1 else chr(ord(letter) + 0xFEE0))
        else:
            out.append(_ALIKE.get(letter, letter) if way < 0.2 else letter)
    return "".join(out)


def _window(size: int, chance: random.Random) -> bytes:
    parts: list[bytes] = []
    while sum(map(len, parts)) < size:
        way = chance.random()
        if way < 0.1:
            parts.append(chance.choice(_BROKEN))
        elif way < 0.4:
            form, domain = chance.choice(FORMS)
            parts.append((_spelled(form, chance) + (chance.choice(_GLUE) + domain if domain else "")).encode())
        else:
            parts.append(chance.choice(_NOISE).encode())
    return b"".join(parts)[:size]


def _both(filter_: Prefilter, text: bytes, *, json: bool) -> tuple[set[tuple[int, ...]], set[tuple[int, ...]], int]:
    """Return (what the look reports, what the loop reports as far as the look went, how far that was)."""
    block = np.frombuffer(text, np.uint8)
    seen, stop = filter_.glanced(block, json=json)
    squeezed = {(at, form) for at, form in map(tuple, filter_.squeezed(block, json=json).tolist()) if at < stop}
    return set(map(tuple, seen.tolist())), squeezed, stop


def _missed(windows: int, seed: int, filter_: Prefilter, *, before: int = 0) -> tuple[list[bytes], int]:
    chance, missed, found = random.Random(seed), [], 0
    for _ in range(windows):
        text = b" " * before + _window(chance.randrange(1, 300), chance)
        seen, squeezed, _ = _both(filter_, text, json=chance.random() < 0.6)
        found += len(squeezed)
        missed += [text] if squeezed - seen else []
    return missed, found


@pytest.mark.parametrize(("seed", "before"), [(1, 0), (2, 16_200)])
def test_whatever_the_loop_over_letters_reports_the_first_look_reports_too(seed: int, before: int) -> None:
    missed, found = _missed(600 if before else 5_000, seed, Prefilter(FORMS), before=before)
    assert missed == []
    assert found > 1_000


@pytest.mark.parametrize("count", [1, 2, 8])
def test_few_forms_are_looked_for_in_fewer_buckets_and_found_as_well(count: int) -> None:
    accented = [("esana", ""), ("0157", ""), ("nesá", ""), ("aeiou", "")]
    missed, found = _missed(1_500, 40 + count, Prefilter([*FORMS[:count], *accented]))
    assert missed == []
    assert found > 50


def test_letters_lent_to_the_loop_stay_where_they_are_while_other_threads_work() -> None:
    rows = "".join(f'{{"a": "CUST-00123 Ana M\\u00fcller {number}", "b": "für Ána"}}\n' for number in range(9_000))
    block, filter_ = np.frombuffer(rows.encode(), np.uint8), Prefilter(FORMS)
    alone = filter_.hits(block, json=True)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: filter_.hits(block, json=True), range(12)))
    assert all(np.array_equal(alone, hits) for hits in together)
    assert len(set(map(tuple, alone.tolist()))) == 18_000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 11))
def test_a_hundred_thousand_hostile_windows_hide_nobody(seed: int) -> None:
    missed, found = _missed(13_000, seed, Prefilter(FORMS))
    assert missed == []
    assert found > 10_000


@pytest.mark.slow
def test_narrower_lanes_see_the_same() -> None:
    narrow = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+bmi,+bmi2,+popcnt,+sse4.2,+fma,+lzcnt"}
    code = (
        "import tests.retrieval.test_glance as t; print(t.available(), t._missed(2_000, 99, t.Prefilter(t.FORMS))[0])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | narrow, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == f"{available()} []"


def test_a_machine_without_wide_lanes_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"nobody " * 3_000 + b"Ana M\xc3\xbcller, CUST-00123\n"
    block = np.frombuffer(text, np.uint8)
    with_lanes = set(map(tuple, Prefilter(FORMS).hits(block).tolist()))
    monkeypatch.setattr("retrieval.prefilter.available", lambda: False)
    without = Prefilter(FORMS)
    assert without.glanced(block)[1] == 0
    assert set(map(tuple, without.hits(block).tolist())) == with_lanes != set()


def test_what_the_first_look_gives_up_is_looked_through_all_the_same() -> None:
    foreign = "Иванов написал письмо в банк.\n".encode() * 4_000
    for text in (foreign + b"CUST-00123\n" + foreign, b"x" * 20_000 + foreign + b"CUST-00123 " + foreign):
        block = np.frombuffer(text, np.uint8)
        filter_ = Prefilter(FORMS)
        assert filter_.glanced(block)[1] < len(block)
        assert text.index(b"CUST") in set(filter_.hits(block)[:, 0].tolist())


def test_invisible_characters_without_end_cost_what_they_weigh() -> None:
    block = np.frombuffer(("a" + "\u200b" * 400_000).encode(), np.uint8)
    _, stop = Prefilter(FORMS).glanced(block)
    assert stop < 100_000


def test_no_character_led_by_c3_begins_a_word_behind_a_letter() -> None:
    tables = letters()
    for code in range(0xC0, 0x100):
        folded = tables.pool[tables.starts[code] : tables.starts[code + 1]]
        assert len(folded) == 1 or all(chr(value).isalpha() for value in folded if value)
        assert not any(character.isdigit() for character in fold_character(chr(code)))


def test_a_line_starts_behind_the_last_line_end_that_is_near() -> None:
    block: npt.NDArray[np.uint8] = np.frombuffer(b"ab\ncd\nef" + b"x" * 70_000, np.uint8)
    assert [line_start(block, at) for at in (0, 2, 3, 7, 8, 69_000)] == [0, 0, 3, 6, 6, 0]
