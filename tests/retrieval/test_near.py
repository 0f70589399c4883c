"""Near-duplicates and passages: changed copies are found, strangers are not."""

import random

import numpy as np
import pytest

from benchmarks.near import shingles
from benchmarks.people import People
from retrieval.embedders import MiniLM
from retrieval.near import Signer, band_keys, near_duplicates
from retrieval.passages import passages, spans_of

CHANCE = random.Random(3)
PEOPLE = People(CHANCE)
DOCUMENTS = [PEOPLE.sentence(120) for _ in range(400)]


def test_changed_copies_are_found_and_strangers_are_not() -> None:
    copies = []
    for text in DOCUMENTS[:200]:
        words = text.split(" ")
        words[CHANCE.randrange(len(words))] = "other"
        copies.append(" ".join(words).upper())
    found = near_duplicates(DOCUMENTS, copies)
    assert {(one.query, one.document) for one in found} == {(number, number) for number in range(200)}
    assert all(0.7 < one.similarity <= 1 for one in found)


def test_the_estimate_is_near_the_true_similarity() -> None:
    one = DOCUMENTS[0]
    other = " ".join([*one.split(" ")[:80], *DOCUMENTS[1].split(" ")[:40]])
    exact = len(shingles(one) & shingles(other)) / len(shingles(one) | shingles(other))
    signatures = Signer().sign([one, other])
    assert abs(float((signatures[0] == signatures[1]).mean()) - exact) < 0.15


def test_spelling_makes_no_other_document_and_another_key_makes_no_equal_one() -> None:
    plain, dressed = Signer(b"k" * 16).sign(["The größte Straße of all", "THE  gro\u0308ßte, STRASSE of\u200b all"])
    assert (plain == dressed).all()
    other = Signer(b"o" * 16).sign(["The größte Straße of all"])
    assert not np.isin(band_keys(other), band_keys(plain[None])).any()


@pytest.mark.parametrize("texts", [[], [""], ["one"], ["one two"], ["", "one two three", "\ud800"]])
def test_short_and_empty_texts_are_no_accident(texts: list[str]) -> None:
    assert Signer().sign(texts).shape == (len(texts), 120)


def test_a_passage_is_found_by_meaning_with_its_span() -> None:
    text = "The train leaves at noon. I want my money back for the broken lamp. It rained in Porto."
    (nearest, *_) = passages([text, "Nothing of interest."], ["please refund the lamp that broke"], MiniLM(), least=0.3)
    assert nearest.document == 0
    assert "money back" in text[nearest.start : nearest.end]


def test_passages_cover_every_sentence() -> None:
    text = "One. Two! Three? " * 40
    covered = {place for start, end in spans_of(text) for place in range(start, end)}
    assert covered == set(range(len(text)))
