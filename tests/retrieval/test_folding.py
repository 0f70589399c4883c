"""Folding: spellings of one thing become one string, and spans lead back to the original."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.folding import _pieces, fold

texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=60)


@given(texts)
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    once = fold(text).text
    assert fold(once).text == once


@given(texts)
def test_every_folded_character_knows_where_it_came_from(text: str) -> None:
    folded = fold(text)
    assert len(folded.starts) == len(folded.text)
    assert list(folded.starts) == sorted(folded.starts)
    assert all(0 <= start < len(text) for start in folded.starts)


@given(before=texts, inside=st.text(alphabet="abcÀéßøÅ１９", min_size=1, max_size=12), after=texts)
def test_a_span_found_in_the_fold_is_the_original_text(before: str, inside: str, after: str) -> None:
    folded = fold(before + "|" + inside + "|" + after)
    wanted = "|" + fold(inside).text + "|"
    start = folded.text.find(wanted, len(fold(before).text) - 1 if before else 0)
    low, high = folded.span(start + 1, start + len(wanted) - 1)
    assert fold(folded.original[low:high]).text == fold(inside).text


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Ａｎａ　Ｓｉｌｖａ", "ana silva"),
        ("A\u200bn\u00ada", "ana"),
        ("MÜLLER  Straße", "muller strasse"),
        ("٠١٢", "012"),
        ("Søren\u00a0Łódź", "soren lodz"),
        ("a–b—c", "a-b-c"),
    ],
)
def test_known_spellings_fold_to_plain_text(text: str, folded: str) -> None:
    assert fold(text).text == folded


def test_a_span_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such span"):
        fold("abc").span(2, 9)


@given(st.lists(st.sampled_from([*"aß ½\u200b\u0301`\t", "  ", "ﬁ", "山", "\u3000"]), max_size=30).map("".join))
def test_the_way_back_is_the_same_where_characters_fold_to_none_or_several(text: str) -> None:
    folded = fold(text)
    came = [position for position, piece in enumerate(_pieces(text)) for _ in piece]
    assert [folded.span(at, at + 1)[0] for at in range(len(folded.text))] == came
