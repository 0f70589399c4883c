"""What an erase took out, laid aside and put back: the way back that a plan may keep for some days.

One JSON object a line: the chunk, and its vector's bytes in hex. Such a file is the person's data in plain text: the
caller encrypts it, and removes it on the day the plan names.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from retrieval.durable import write_whole
from retrieval.errors import DimensionMismatch, IndexUnreadable
from retrieval.indexes import documents, generation, layout, turned, vectors
from retrieval.types import Chunk, Vectors


def keep(folder: Path, number: int, chunks: Sequence[Chunk], removed: Vectors) -> Path:
    """Lay chunks and their vectors, (chunks, dimension), aside, durably, named by the generation they come from."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"from-{number:06d}.jsonl"
    rows = [{**asdict(chunk), "vector": row.tobytes().hex()} for chunk, row in zip(chunks, removed, strict=True)]
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
    return path


def restore(folder: Path, kept: Path) -> int:
    """Put back what ``kept`` holds and the index lacks, bit for bit, as a new generation; return how many chunks.

    Raises ``IndexUnreadable`` for a damaged file and ``DimensionMismatch`` for another index's.
    """
    with layout.changing(folder):
        layout.sweep(folder)
        held = generation.read(folder)
        documents.refuse_other_than_lines(held.place.files, "Restoring into")
        rows = [(chunk, vector) for chunk, vector in _read(kept) if chunk.id not in held.chunks]
        if rows:
            _publish_with(held, [chunk for chunk, _ in rows], np.stack([vector for _, vector in rows]))
        return len(rows)


def _read(path: Path) -> list[tuple[Chunk, Vectors]]:
    rows: list[tuple[Chunk, Vectors]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], start=1):
        try:
            row = json.loads(line)
            vector = np.frombuffer(bytes.fromhex(row.pop("vector")), np.float32)
            rows.append((Chunk(**row), vector))
        except (ValueError, TypeError, KeyError):  # from None: the message would quote the line
            raise IndexUnreadable(f"Reading {path}, line {number}: not a removed chunk; it is damaged.") from None
    return rows


def _publish_with(held: generation.Generation, chunks: Sequence[Chunk], added: Vectors) -> None:
    below, place = turned.below(held.index), held.place
    stored = vectors.contents(below, held.gone)
    if added.shape[1] != below.d:
        raise DimensionMismatch(
            f"Restoring into the index in {place.folder}: the kept vectors have {added.shape[1]} dimensions, "
            f"the index {below.d}; it is another index's file."
        )
    ids = np.array([chunk.id for chunk in chunks], np.int64)
    both = vectors.Contents(
        np.concatenate([stored.ids, ids]), np.concatenate([stored.vectors, added]), stored.kind, stored.shape
    )
    index, _ = vectors.without(both, np.ones(len(both.ids), np.bool_))
    number, erased = place.generation + 1, set(place.manifest.get("erased", ())).difference(ids.tolist())
    target = layout.fresh(place.folder, number)
    manifest = {**place.manifest, "generation": number, "erased": sorted(erased)}
    generation.write(target, turned.above(held.index, index), [*held.chunks.values(), *chunks], manifest)
    layout.publish(place.folder, target, plain=place.plain)
    layout.sweep(place.folder)
