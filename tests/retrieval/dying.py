"""Erases that die: a process that forks children, each killed by SIGKILL at a random step of its erase.

A step is a call or a return of any function, the system's included, while ``erase`` runs; the number of steps is
counted in a first run. Every other child dies at one drawn from all of them, the others at a call that writes or makes
durable, or within three steps of it: that is where a half of a change could stay.
"""

import json
import os
import random
import shutil
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retrieval import codes
from retrieval.erase import absent, erase
from retrieval.errors import RetrievalError
from retrieval.indexes import layout, seen
from retrieval.indexes.faiss import open

_LONG = 12  # bytes: a shorter code stands in a file by chance
_WRITING = frozenset({"fsync", "fdatasync", "pwrite", "rename", "replace", "truncate", "unlink"})
_MANY = 4000  # calls, as many as a pipe holds
Bytes = dict[str, bytes]


@dataclass(frozen=True)
class Case:
    """What is erased in each copy: the folder as it was, as an erase that lives leaves it, and what to look for."""

    ids: list[int]
    count: int
    dimension: int
    vectors: list[bytes]
    codes: tuple[codes.Code, ...]
    texts: list[str]
    before: Bytes
    after: Bytes


def steps(folder: Path, ids: list[int], last: int) -> tuple[int, list[int]]:
    """Erase in a child that dies at its step number ``last`` (0: never); return its steps, and those that write."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        made, durable = [0], []

        def step(frame: object, event: str, argument: Any) -> None:
            made[0] += 1
            if made[0] == last:
                os.kill(os.getpid(), signal.SIGKILL)
            if not last and event == "c_call" and argument.__name__ in _WRITING:
                durable.append(made[0])

        threading.setprofile(step)
        sys.setprofile(step)
        try:
            erase(folder, ids)
        finally:
            sys.setprofile(None)
        os.write(writing, json.dumps([made[0], durable[-_MANY:]]).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    said = os.read(reading, 1 << 16)
    os.close(reading)
    total, writes = json.loads(said) if said else (-1, [])
    return int(total), list(map(int, writes))


def main(made: Path, times: int, ids: list[int], seed: int) -> dict[str, int]:
    """Kill ``times`` erases of copies of a folder; return how many were before, after, and wrong."""
    case, folder, drawn = _case(made, ids), made.with_name("copy"), random.Random(seed)
    _copied(made, folder)
    total, writes = steps(folder, ids, 0)
    told = {"steps": total, "writes": len(writes), "before": 0, "after": 0, "pending": 0, "wrong": 0}
    for number in range(times):
        _copied(made, folder)
        last = drawn.choice(writes) + drawn.randint(0, 3) if number % 2 else drawn.randint(1, total)
        steps(folder, ids, last)
        told["pending"] += (folder / ".scrubbing").exists() or (folder / ".replacing").exists()
        told[_judged(folder, case)] += 1
    return told


def _case(made: Path, ids: list[int]) -> Case:
    whole, stored = open(made), list(codes.of(made, ids).values())
    texts, seen, said = [whole.get(id).text for id in ids], codes.held(made, ids), whole.describe()
    done = made.with_name("done")
    _copied(made, done)
    erase(done, ids)  # here, and not in a child: what is compiled for it is compiled once
    vectors = [one for one in stored if len(one) > _LONG]
    return Case(ids, said.count, said.dimension, vectors, seen, texts, _content(made), _content(done))


def _copied(made: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(made, folder)
    if (made / seen.SEEN).exists():  # its last change was ours: so is the copy's
        files = layout.current(folder).files
        while not (folder / seen.SEEN).exists() or not seen.is_same(seen.read(folder), files / "index.faiss"):
            seen.note(folder, files, json.loads((files / "manifest.json").read_bytes())["roots"])


def _content(folder: Path) -> Bytes:
    """The files whose every byte an erase decides: the index, its lists beside, documents in lines."""
    names = ("index.faiss", "lists.ivfdata", "chunks.jsonl")
    files = layout.current(folder).files
    return {name: (files / name).read_bytes() for name in names if (files / name).exists()}


def _judged(folder: Path, case: Case) -> str:
    try:
        index = open(folder)  # opening alone finishes what was begun
        now = index.ids()
        here, answers = len(set(case.ids) & now), index.search(np.ones(case.dimension, np.float32), k=case.count)
        if here not in (0, len(case.ids)) or len(now) != case.count - (len(case.ids) - here):
            return "wrong"
        if not {hit.id for hit in answers} <= now or _content(folder) != (case.before if here else case.after):
            return "wrong"
        if not here and _is_gone(folder, case):
            return "after"
        erase(folder, case.ids)  # again, as the worker does after its restart
        done = _content(folder) == case.after and _is_gone(folder, case)
        return ("before" if here else "after") if done else "wrong"
    except RetrievalError:
        return "wrong"


def _is_gone(folder: Path, case: Case) -> bool:
    left = codes.left(folder, case.codes).left
    return not left and absent(folder, vectors=case.vectors, texts=case.texts).absent


if __name__ == "__main__":
    told = main(Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps(told))
