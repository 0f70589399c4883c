"""Erases that die: a process that forks children, each killed by SIGKILL at a random step of its erase.

A step is a call or a return of any function, the system's included, while ``erase`` runs; the number of steps is
counted in a first run, and each child dies at one drawn from all of them.
"""

import json
import os
import random
import shutil
import signal
import sys
import threading
from pathlib import Path

from retrieval import codes
from retrieval.erase import absent, erase
from retrieval.errors import RetrievalError
from retrieval.indexes.faiss import open


def steps(folder: Path, ids: list[int], last: int) -> int:
    """Erase in a child that dies at its step number ``last`` (0: never); return how many steps it made, or -1."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        made = [0]

        def step(frame: object, event: str, argument: object) -> None:
            made[0] += 1
            if made[0] == last:
                os.kill(os.getpid(), signal.SIGKILL)

        threading.setprofile(step)
        sys.setprofile(step)
        try:
            erase(folder, ids)
        finally:
            sys.setprofile(None)
        os.write(writing, str(made[0]).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    said = os.read(reading, 40)
    os.close(reading)
    return int(said) if said else -1


def main(made: Path, times: int, ids: list[int], seed: int) -> dict[str, int]:
    """Kill ``times`` erases of copies of a folder; return how many were before, after, and wrong."""
    whole = open(made)
    count, vectors = whole.describe().count, list(codes.of(made, ids).values())
    texts = [whole.get(id).text for id in ids]
    del whole
    folder, drawn = made.with_name("copy"), random.Random(seed)
    shutil.copytree(made, folder)
    total = steps(folder, ids, 0)
    told = {"steps": total, "before": 0, "after": 0, "pending": 0, "wrong": 0}
    for _ in range(times):
        shutil.rmtree(folder)
        shutil.copytree(made, folder)
        steps(folder, ids, drawn.randint(1, total))
        told["pending"] += (folder / ".scrubbing").exists() or (folder / ".replacing").exists()
        told[_judged(folder, ids, count, vectors, texts)] += 1
    return told


def _judged(folder: Path, ids: list[int], count: int, vectors: list[bytes], texts: list[str]) -> str:
    try:
        now = open(folder).ids()  # opening alone finishes what was begun
        here = len(set(ids) & now)
        if here not in (0, len(ids)) or len(now) != count - (len(ids) - here):
            return "wrong"
        if here == 0 and not absent(folder, vectors=vectors, texts=texts).absent:
            return "wrong" if not _swept(folder, ids, vectors, texts) else "after"
        return "before" if here and _swept(folder, ids, vectors, texts) else ("after" if not here else "wrong")
    except RetrievalError:
        return "wrong"


def _swept(folder: Path, ids: list[int], vectors: list[bytes], texts: list[str]) -> bool:
    """Erase again, as the worker does after its restart, and look at the bytes."""
    erase(folder, ids)
    return absent(folder, vectors=vectors, texts=texts).absent


if __name__ == "__main__":
    told = main(Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps(told))
