"""A digest that only what was touched was hashed for is the one that the whole file has."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.indexes import blocks, patches
from retrieval.indexes.patches import Patch

SIZES = (0, 1, blocks.BLOCK, 3 * blocks.BLOCK, 3 * blocks.BLOCK + 17, 200 * blocks.BLOCK + 1)


def kept_root(tree: blocks.Refreshed) -> str:
    tree.keep()
    return tree.root


@st.composite
def changed(draw: st.DrawFn) -> tuple[int, list[Patch]]:
    """A file's size, and fills and rows inside it; some of them over several blocks, some empty."""
    size = draw(st.sampled_from(SIZES))
    found: list[Patch] = []
    for number in range(draw(st.integers(0, 4))):
        widest = min(size, draw(st.sampled_from((1, 8, 1536, 10_000))))
        at = np.array(draw(st.lists(st.integers(0, size - widest), max_size=5)), np.int64)
        if draw(st.booleans()):
            found.append(patches.fill("f", at, np.full(len(at), widest), number))
        else:
            rows = np.random.default_rng(number).integers(0, 256, (len(at), widest), np.uint8)
            found.append(patches.Write("f", at, rows))
    return size, found


@settings(max_examples=60, deadline=None)
@given(changed())
def test_the_digests_after_a_change_are_those_of_the_whole_file(
    tmp_path_factory: pytest.TempPathFactory, made: tuple[int, list[Patch]]
) -> None:
    size, change = made
    folder = tmp_path_factory.mktemp("one")
    path = folder / "f"
    path.write_bytes(np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes())
    before = blocks.write(path)
    touched = patches.touched(change, "f")
    tree = blocks.verified(path, touched, before)
    assert tree is not None
    foreseen = tree.followed(lambda content: patches.tried(content, change, "f"))
    assert foreseen is not None
    later = blocks.Before(path, before, touched).taken()
    with patches.overwriting(folder, change):
        after = blocks.refreshed(path, touched, before=before).root
    compared_later = later.followed(lambda content: patches.tried(content, change, "f"))
    assert compared_later is not None
    assert (foreseen.root, kept_root(compared_later)) == (after, after)
    assert blocks.root(path) == after
    kept = blocks.sidecar(path).read_bytes()
    blocks.write(path)
    assert kept == blocks.sidecar(path).read_bytes()


def test_a_sidecar_that_was_not_the_source_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * (5 * blocks.BLOCK))
    before = blocks.write(path)
    whole = blocks.sidecar(path).read_bytes()
    blocks.sidecar(path).write_bytes(bytes(len(whole)))
    one = blocks.Before(path, before, np.array([2])).taken()
    change = [patches.write("f", 2 * blocks.BLOCK, b"y")]
    with patches.overwriting(tmp_path, change):
        tree = one.followed(lambda content: patches.tried(content, change, "f"))
        assert tree is not None
        after = kept_root(tree)
    kept = blocks.sidecar(path).read_bytes()
    assert blocks.write(path) == after
    assert kept == blocks.sidecar(path).read_bytes()


@pytest.mark.parametrize("size", [0, blocks.BLOCK, 150 * blocks.BLOCK])
def test_a_file_that_is_cut_while_it_is_changed_counts_as_damaged(tmp_path: Path, size: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(200 * blocks.BLOCK))
    touched = np.array([1, 180], np.int64)
    before = blocks.Before(path, blocks.root(path), touched).taken()
    path.write_bytes(bytes(size))
    assert before.followed(lambda content: None) is None
