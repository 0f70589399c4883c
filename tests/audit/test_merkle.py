"""The tree's hashing and proofs, against the published reference vectors and an independent recursive definition."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.audit import merkle
from compliance.audit.errors import BadProof

# The leaves and roots of the Certificate Transparency reference implementation's tests (RFC 6962 hashing).
REFERENCE_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
REFERENCE_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def _leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(count)]


def _textbook_root(leaves: Sequence[bytes]) -> bytes:
    """MTH as RFC 9162 section 2.1.1 writes it, with nothing shared with the code under test."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + _textbook_root(leaves[:k]) + _textbook_root(leaves[k:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_reference_implementation(size: int) -> None:
    leaves = [merkle.leaf_hash(data) for data in REFERENCE_LEAVES[:size]]
    assert merkle.root(leaves).hex() == REFERENCE_ROOTS[size - 1]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_reference_inclusion_and_consistency_proofs() -> None:
    leaves = [merkle.leaf_hash(data) for data in REFERENCE_LEAVES]
    assert [node.hex() for node in merkle.inclusion_proof(leaves, index=5)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [node.hex() for node in merkle.consistency_proof(leaves, old=6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(st.integers(0, 70))
@settings(deadline=None, max_examples=40)
def test_the_frontier_agrees_with_the_textbook(size: int) -> None:
    leaves = _leaves(size)
    assert merkle.root(leaves) == _textbook_root(leaves)


def test_every_leaf_of_every_small_tree_has_a_proof_that_fits_nowhere_else() -> None:
    for size in range(1, 20):
        leaves = _leaves(size)
        root = merkle.root(leaves)
        for index in range(size):
            path = merkle.inclusion_proof(leaves, index=index)
            for at in range(size):
                holds = merkle.verify_inclusion(leaves[index], index=at, size=size, path=path, expected=root)
                assert holds == (at == index)


def test_every_pair_of_small_trees_is_consistent_and_a_rewritten_past_is_not() -> None:
    leaves = _leaves(20)
    for new in range(1, 21):
        for old in range(1, new + 1):
            path = merkle.consistency_proof(leaves[:new], old=old)
            old_root, new_root = merkle.root(leaves[:old]), merkle.root(leaves[:new])
            assert merkle.verify_consistency(old=old, old_root=old_root, new=new, new_root=new_root, path=path)
            other = merkle.root([leaves[19], *leaves[1:old]])
            assert not merkle.verify_consistency(old=old, old_root=other, new=new, new_root=new_root, path=path)


def test_a_path_of_the_wrong_length_is_refused() -> None:
    leaves = _leaves(7)
    path = merkle.inclusion_proof(leaves, index=3)
    root = merkle.root(leaves)
    for wrong in (path[:-1], [*path, path[0]], []):
        assert not merkle.verify_inclusion(leaves[3], index=3, size=7, path=wrong, expected=root)


def test_there_is_no_proof_for_a_leaf_outside_the_tree() -> None:
    with pytest.raises(BadProof, match="no leaf 4"):
        merkle.inclusion_proof(_leaves(4), index=4)
    with pytest.raises(BadProof, match="no earlier tree"):
        merkle.consistency_proof(_leaves(4), old=0)
