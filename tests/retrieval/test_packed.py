"""Letters packed sixty-four bytes a step are the letters that are squeezed one by one: both report the very same."""

import random

import numpy as np
import pytest

from retrieval.marks import known_as, map_of, maps_of, marked, shift_of
from retrieval.packing import packs
from retrieval.prefilter import Prefilter
from tests.retrieval.test_glance import FORMS, _window

_FOUR = np.uint64(0xFFFFFFFF)
SHORT = [("abcd", ""), ("0157", ""), ("nesá", ""), ("aeiou", ""), ("silvana", ""), ("cust0012", "")]


def _differing(windows: int, seed: int, filter_: Prefilter, *, before: int = 0) -> tuple[list[bytes], int]:
    """Return (windows on which the two loops differ, how much was found)."""
    chance, differing, found = random.Random(seed), [], 0
    for _ in range(windows):
        text = b"x " * (before // 2) + _window(chance.randrange(1, 1_500), chance)
        block, json = np.frombuffer(text, np.uint8), chance.random() < 0.6
        slowly = filter_.squeezed(block, json=json)
        quickly = filter_.packed(block, json=json) if packs() else filter_.hits(block, json=json)
        found += len(slowly)
        differing += [text] if packs() and not np.array_equal(slowly, quickly) else []
    return differing, found


@pytest.mark.parametrize(("seed", "before"), [(1, 0), (2, 16_200)])
def test_whatever_is_reported_letter_by_letter_is_reported_in_one_step_and_nothing_else(seed: int, before: int) -> None:
    differing, found = _differing(300 if before else 1_500, seed, Prefilter(FORMS), before=before)
    assert differing == []
    assert found > 500


def test_short_forms_among_long_ones_are_reported_alike() -> None:
    differing, found = _differing(800, 7, Prefilter([*FORMS, *SHORT]))
    assert differing == []
    assert found > 500


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 7))
def test_twenty_thousand_hostile_windows_are_read_alike(seed: int) -> None:
    differing, found = _differing(5_000, seed, Prefilter([*FORMS, *SHORT]))
    assert differing == []
    assert found > 5_000


def test_a_map_never_denies_a_key_and_seldom_admits_another() -> None:
    keys = np.random.default_rng(5).integers(0, 1 << 62, 20_000).astype(np.uint64)
    marks = map_of(keys[:10_000])
    admitted = [marked(marks, shift_of(marks), key) for key in keys]
    assert all(admitted[:10_000])
    assert sum(admitted[10_000:]) < 150


def _word(letters: str) -> np.uint64:
    return np.uint64(int.from_bytes(letters.encode().ljust(8, b"\0"), "little"))


@pytest.mark.parametrize(
    "form", ["anna", "annas", "annasil", "annasilv", "annasilva", "annasilva0123", "a" * 5 + "b" * 20]
)
def test_letters_behind_a_whole_form_do_not_hide_it_and_another_beginning_is_not_known(form: str) -> None:
    others = ["bernardo", "bernardopinto", "carl"]
    words = tuple(np.array([_word(one[at : at + 8]) for one in [form, *others]]) for at in (0, 8))
    maps = maps_of(words, np.array([len(one) for one in [form, *others]]), np.unique(words[0] & _FOUR))
    seen = (form + "zzzzzzzzzzzzzzzz")[:16]
    assert known_as(maps, _word(seen[:8]), _word(seen[8:]), np.uint64(16))
    wrong = "y" + seen[1:]
    assert not known_as(maps, _word(wrong[:8]), _word(wrong[8:]), np.uint64(16))
