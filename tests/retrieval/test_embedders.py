"""MiniLM: real weights, unit vectors, meaning."""

from pathlib import Path

import numpy as np
import pytest

from retrieval import embedders
from retrieval.embedders import MiniLM
from retrieval.errors import WeightsDiffer


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM()


def test_vectors_have_unit_length_keep_order_and_do_not_depend_on_the_batch(minilm: MiniLM) -> None:
    texts = ["a much longer text about an invoice that was charged twice in March", "hello", "hello", "refund"]
    vectors = minilm.embed(texts)
    assert (vectors.shape, vectors.dtype) == ((4, 384), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (vectors[1] == vectors[2]).all()
    assert np.allclose(minilm.embed([texts[0]])[0], vectors[0], atol=1e-5)


def test_what_means_the_same_is_nearer(minilm: MiniLM) -> None:
    asked, same, other = minilm.embed(["I want my money back", "please refund the payment", "the train leaves at noon"])
    assert asked @ same > asked @ other + 0.2


def test_no_texts_give_no_vectors(minilm: MiniLM) -> None:
    assert minilm.embed([]).shape == (0, 384)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(WeightsDiffer):
        embedders._check_weights(tmp_path / "model.safetensors")
