"""A process's memory after an erase: the person's vectors and text are in no page of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from retrieval import memory
from retrieval.embedders import HashedWords
from retrieval.errors import ScanIncomplete
from retrieval.indexes.faiss import build, open
from retrieval.types import Chunk

SERVING = """
import sys
from pathlib import Path
import numpy as np
from retrieval.indexes.faiss import open
index = open(Path(sys.argv[1]))
query = np.load(sys.argv[2])
for line in sys.stdin:
    found = {hit.id for hit in index.search(query, k=500)}
    print(int(250 in found), len(found & set(range(int(sys.argv[3])))), flush=True)
"""


@pytest.mark.parametrize("kind", ["flat", "ivf", "hnsw"])
@pytest.mark.parametrize("many", [3, 120], ids=["in place", "new generation"])
def test_a_serving_process_holds_nothing_of_the_erased_after_its_next_search(
    tmp_path: Path, kind: str, many: int
) -> None:
    import numpy as np

    from retrieval.erase import erase

    folder, embedder = tmp_path / "i", HashedWords(64)
    build(folder, [Chunk(n, f"d{n}", f"word{n % 7} person{n} Müller") for n in range(500)], embedder, kind=kind)
    rows = open(folder).vectors(range(many))
    wanted = [memory.turned(row.tobytes()) for row in rows[:3]] + [memory.turned(b"person2 M\xc3\xbcller")]
    other = [memory.turned(open(folder).vectors([250])[0].tobytes())]
    np.save(tmp_path / "q.npy", open(folder).vectors([250])[0])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-c", SERVING, str(folder), str(tmp_path / "q.npy"), str(many)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def asked() -> tuple[int, int]:
            server.stdin.write("go\n")
            server.stdin.flush()
            here, theirs = server.stdout.readline().split()
            return int(here), int(theirs)

        assert asked()[0] == 1
        assert all(memory.scan(wanted[:3], pid=server.pid).found), "they are there before: the search can find them"
        erase(folder, range(many))
        assert asked() == (1, 0)
        assert memory.scan(wanted, pid=server.pid).absent
        assert not memory.scan(other, pid=server.pid).absent
        server.stdin.close()


def test_the_searcher_does_not_find_its_own_pattern_and_finds_another_copy() -> None:
    pattern = os.urandom(48)
    held = memory.turned(pattern)
    del pattern
    assert memory.scan([held]).absent
    copy = bytearray(memory.turned(held))
    assert memory.scan([held]).found[0] >= 1
    copy[:] = bytes(len(copy))


def test_a_process_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ScanIncomplete):
        memory.scan([b"abcdef"], pid=2**22 - 1)
