"""Qdrant and pgvector keep one contract; what they erase is in no byte of their folders."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pgserver
import psycopg
import pytest
from qdrant_client import QdrantClient

from retrieval.embedders import HashedWords
from retrieval.erase import absent
from retrieval.errors import UnknownId
from retrieval.stores import STORES, StoreUnreachable, VectorStore, load
from retrieval.stores.pgvector import PgvectorStore
from retrieval.stores.qdrant import QdrantStore
from retrieval.types import Chunk

CHUNKS = [Chunk(n, f"d{n // 3}", f"ticket {n} about word{n % 7} of person{n} Müller", "mail") for n in range(120)]
VECTORS = HashedWords(32).embed([chunk.text for chunk in CHUNKS])


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("pg")
    server = pgserver.get_server(folder, cleanup_mode="stop")
    yield server.get_uri(), folder
    server.cleanup()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Any, Path]]:
    if request.param == "qdrant":
        client = QdrantClient(path=str(tmp_path / "q"))
        made: Any = QdrantStore.create(client, "chunks", 32)
        made.add(CHUNKS, VECTORS)
        yield made, tmp_path / "q"
        client.close()
        return
    uri, folder = request.getfixturevalue("postgresql")
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS chunks")
        made = PgvectorStore.create(connection, "chunks", 32)
        made.add(CHUNKS, VECTORS)
        yield made, folder


def test_every_store_of_the_table_keeps_the_contract() -> None:
    verbs = [name for name in vars(VectorStore) if not name.startswith("_")]
    assert all(callable(getattr(load(name), verb)) for name in STORES for verb in verbs)
    with pytest.raises(ValueError, match=r"nothere.*qdrant"):
        load("nothere")


def test_a_chunk_is_found_and_read_back(store: tuple[Any, Path]) -> None:
    made, _ = store
    hit = made.search(VECTORS[7], k=1)[0]
    assert (hit.id, hit.chunk) == (7, CHUNKS[7])
    assert hit.score == pytest.approx(1.0, abs=1e-5)
    assert made.get(7) == CHUNKS[7]
    np.testing.assert_allclose(made.vectors([7, 3]), VECTORS[[7, 3]], atol=1e-6)
    assert 7 not in {hit.id for hit in made.search(VECTORS[7], k=120, hidden=frozenset({7}))}


def test_hidden_is_out_of_every_search_and_comes_back(store: tuple[Any, Path]) -> None:
    made, _ = store
    assert made.hide([7, 8]).hidden == 2
    assert not {7, 8} & ({hit.id for hit in made.search(VECTORS[7], k=120)} | made.ids())
    with pytest.raises(UnknownId):
        made.get(7)
    made.show([7, 8])
    assert made.search(VECTORS[7], k=1)[0].id == 7


def test_erased_is_in_no_answer_and_no_byte(store: tuple[Any, Path]) -> None:
    made, folder = store
    gone = [7, 8, 100]
    patterns = [np.asarray(row, np.float32).tobytes() for row in made.vectors(gone)]
    texts = [CHUNKS[id].text for id in gone]
    if isinstance(made, PgvectorStore):
        made._ask("CHECKPOINT")  # so that the look before finds what the look after must not
    assert absent(folder, texts=texts).residues
    receipt = made.erase(gone)
    assert (receipt.removed, receipt.remaining) == (3, 117)
    assert not set(gone) & ({hit.id for hit in made.search(VECTORS[7], k=120)} | made.ids())
    for id in gone:
        with pytest.raises(UnknownId):
            made.get(id)
    assert absent(folder, vectors=patterns, texts=texts).absent, receipt.how


def test_ids_that_are_not_there_are_an_error_and_nothing_goes(store: tuple[Any, Path]) -> None:
    made, _ = store
    with pytest.raises(UnknownId, match="1 of 2"):
        made.erase([7, 4000])
    assert 7 in made.ids()


def test_errors_name_the_class_and_quote_nothing(tmp_path: Path) -> None:
    client = QdrantClient(path=str(tmp_path / "q"))
    with pytest.raises(StoreUnreachable, match="ValueError"):
        QdrantStore(client, "missing").search(VECTORS[0])
    client.close()
    with pytest.raises(ValueError, match="small letters"):
        PgvectorStore(None, 'chunks"; DROP TABLE x')
