"""LangChain's and LlamaIndex's FAISS folders: erased from, and opened again by the same rules as before.

The folders under ``folders/`` were written by langchain-community 0.4.2 and llama-index-core 0.14.25.
"""

import json
import pickle
import pickletools
import shutil
import sys
import tracemalloc
import types
from hashlib import sha256
from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval.erase import absent
from retrieval.errors import IndexUnreadable, RetrievalError, StoreOutOfStep, UnknownId
from retrieval.foreign import pickled
from retrieval.frameworks import entries, erase

MADE = Path(__file__).with_name("folders")
VECTORS = {"langchain": "index.faiss", "llamaindex": "default__vector_store.json"}
GONE = {"langchain": ["id-3", "id-11"], "llamaindex": ["node-3", "node-11"]}


@pytest.fixture(params=VECTORS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(MADE / request.param, tmp_path / request.param))


def test_every_text_is_read_with_its_document(folder: Path) -> None:
    found = entries(folder)
    assert len(found) == 12
    three = found[GONE[folder.name][0]]
    assert (three.document, three.text) == ("mail-1", "ticket 3 of customer number3 Müller")


def test_the_erased_are_in_no_byte_and_the_others_find_themselves(folder: Path) -> None:
    path = folder / VECTORS[folder.name]
    before, rows = faiss.read_index(str(path)), entries(folder)
    vectors = before.reconstruct_n(0, 12)
    gone = [rows[name] for name in GONE[folder.name]]
    receipt = erase(folder, names=GONE[folder.name])
    assert (receipt.removed, receipt.remaining, receipt.digest_before != receipt.digest_after) == (2, 10, True)
    assert absent(
        folder, vectors=[vectors[one.position].tobytes() for one in gone], texts=[one.text for one in gone]
    ).absent
    assert absent(folder, texts=GONE[folder.name]).absent, "a node's neighbours and sources must not name it either"
    after, index = entries(folder), faiss.read_index(str(path))
    assert index.ntotal == 10
    for name, one in after.items():
        np.testing.assert_array_equal(index.reconstruct(one.position), vectors[rows[name].position])
        assert (one.text, dict(one.metadata)) == (rows[name].text, dict(rows[name].metadata))
    assert not list(folder.glob("gen-*"))


def test_a_document_goes_with_all_its_texts(folder: Path) -> None:
    assert erase(folder, documents=["mail-2"]).removed == 2
    assert "mail-2" not in {one.document for one in entries(folder).values()}
    assert erase(folder, documents=["mail-2"]).level == "already gone"


def test_the_name_of_an_erased_document_is_in_no_byte_either(folder: Path) -> None:
    erase(folder, documents=["mail-1"])
    assert absent(folder, texts=['"mail-1"', "mail-1\x94", sha256(b"mail-1").hexdigest()]).absent
    assert erase(folder, documents=["mail-1"]).level == "already gone"


def test_what_a_document_store_keeps_of_a_whole_document_goes_with_its_last_text(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(MADE / "llamaindex", tmp_path / "llamaindex"))
    store = json.loads((folder / "docstore.json").read_text())
    for name in ("mail-1", "mail-2"):  # as VectorStoreIndex.from_documents writes them: hashes of the whole texts
        store["docstore/metadata"][name] = {"doc_hash": sha256(name.encode()).hexdigest()}
    (folder / "docstore.json").write_text(json.dumps(store))
    part, *_ = (name for name, one in entries(folder).items() if one.document == "mail-2")
    erase(folder, documents=["mail-1"], names=[part])
    after = json.loads((folder / "docstore.json").read_text())["docstore/metadata"]
    assert "mail-1" not in after
    assert "mail-2" in after


def test_names_that_never_were_there_are_an_error_and_nothing_changes(folder: Path) -> None:
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    for wrong in ({"names": [GONE[folder.name][0], "nobody"]}, {"documents": ["nothing"]}, {}):
        with pytest.raises(UnknownId, match="nothing was changed"):
            erase(folder, **wrong)
    assert {name: (folder / name).read_bytes() for name in content} == content


def test_langchain_itself_would_load_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain unpickler, as in LangChain's ``load_local``, with classes of its names in their places."""
    folder = Path(shutil.copytree(MADE / "langchain", tmp_path / "l"))
    erase(folder, names=["id-3"])
    raw = (folder / "index.pkl").read_bytes()
    for module, name in (
        ("langchain_community.docstore.in_memory", "InMemoryDocstore"),
        ("langchain_core.documents.base", "Document"),
    ):
        for parent in (module.partition(".")[0], module.rpartition(".")[0]):
            monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
        made = types.ModuleType(module)
        setattr(made, name, type(name, (), {"__setstate__": lambda self, state: setattr(self, "state", state)}))
        monkeypatch.setitem(sys.modules, module, made)
    store, names = pickle.loads(raw)  # noqa: S301 - written a line above
    documents = store.state["_dict"]
    assert [names[at] for at in range(11)] == [f"id-{n}" for n in range(12) if n != 3]
    assert documents["id-7"].state["__dict__"]["page_content"] == "ticket 7 of customer number7 Müller"
    assert documents["id-7"].state["__pydantic_fields_set__"] == {"page_content", "metadata", "id"}


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("__import__('pathlib').Path('hit').write_text('x')",)


@pytest.mark.parametrize(
    "raw",
    [
        pickle.dumps((Evil(), {})),
        pickle.dumps(({"id": Evil()}, {0: "id"})),
        b"cos\nsystem\n(S'touch hit'\ntR.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.",
        b"Pnobody\n.",
        pickle.dumps([1, 2]),
        pickle.dumps(("store", {0: "id"})),
        b"",
        b"\x80\x04\x95",
    ],
    ids=["eval", "eval inside", "system", "a bare name", "persistent", "a list", "no store", "empty", "cut"],
)
def test_a_pickle_that_asks_for_anything_else_is_refused_and_runs_nothing(
    tmp_path: Path, raw: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path(shutil.copytree(MADE / "langchain", tmp_path / "l"))
    (folder / "index.pkl").write_bytes(raw)
    with pytest.raises(IndexUnreadable, match=r"index\.pkl"):
        entries(folder)
    assert not (tmp_path / "hit").exists()


@pytest.mark.parametrize("put", [b"r\xff\xff\xff\x7f", b"p4294967295\n"])
def test_a_few_bytes_do_not_ask_for_gigabytes(put: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(IndexUnreadable, match="memory"):
        pickled.read(b"\x80\x03N" + put + b".")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_pickle_cut_anywhere_is_refused_without_its_content(tmp_path: Path) -> None:
    raw = (MADE / "langchain" / "index.pkl").read_bytes()
    for cut in range(0, len(raw) - 1, 7):
        with pytest.raises(RetrievalError) as refused:
            pickled.read(raw[:cut])
        assert "customer" not in str(refused.value)


def test_what_is_written_names_only_the_classes_it_was_read_with() -> None:
    raw = pickled.write(*pickled.read((MADE / "langchain" / "index.pkl").read_bytes()))
    asked = {argument for op, argument, _ in pickletools.genops(raw) if op.name == "GLOBAL"}
    assert asked == {
        "langchain_community.docstore.in_memory InMemoryDocstore",
        "langchain_core.documents.base Document",
        "builtins set",
    }
    again = pickled.write(*pickled.read(raw))
    told, meant = ([(op.name, str(value)) for op, value, _ in pickletools.genops(part)] for part in (again, raw))
    assert sorted(told) == sorted(meant)  # a set's members come in any order
    assert pickled.read(again)[1] == pickled.read(raw)[1]


def test_stores_out_of_step_are_refused(folder: Path) -> None:
    shorter = faiss.IndexFlatL2(8)
    shorter.add(np.zeros((3, 8), np.float32))
    faiss.write_index(shorter, str(folder / VECTORS[folder.name]))
    with pytest.raises(StoreOutOfStep):
        erase(folder, names=GONE[folder.name])


def test_a_damaged_json_store_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(MADE / "llamaindex", tmp_path / "l"))
    for content in ("[]", "{", json.dumps({"docstore/data": {}})):
        (folder / "docstore.json").write_text(content)
        with pytest.raises(RetrievalError):
            entries(folder)
