"""What lies in a company's folder after a case: other people's rows, the person's identifiers, files nobody named.

Read by each format's own library, with nothing of the connectors that did the work.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pyarrow.parquet as pq

from retrieval.indexes import load
from retrieval.scan import scan_tree
from retrieval.text import byte_patterns

HALF_DONE = ("*.new", ".oubli-*", "*.partial", ".*.partial", "*.keys", "*.tmp", "*.taken", "*.going", "*-journal")
Rows = dict[str, str]


def stores(folder: Path) -> dict[str, Rows]:
    """Every record of every store as text, by store and by the record's own name."""
    found = {path.name: dict(_lines(path)) for path in sorted(folder.glob("*/*.jsonl")) if "ledger" not in path.parts}
    found |= {path.name: dict(_table(path)) for path in sorted(folder.glob("*/*.parquet"))}
    found |= {path.name: dict(_csv(path)) for path in sorted(folder.glob("*/*.csv"))}
    found |= {path.name: dict(_sqlite(path)) for path in sorted(folder.glob("*/*.sqlite"))}
    found |= {path.name: {"whole": path.read_text("utf-8")} for path in sorted(folder.glob("*/*.txt"))}
    found["index"] = _index(folder / "index")
    return found


def weights(folder: Path) -> str:
    """sha256 of the weights that serve."""
    return hashlib.sha256((folder / "model" / "model.safetensors").read_bytes()).hexdigest()


def touched(before: dict[str, Rows], after: dict[str, Rows], marks: Collection[str]) -> list[str]:
    """Rows of other people that are gone, changed or new: rows that held none of the person's marks before."""
    strangers = []
    for store, rows in before.items():
        now = after.get(store, {})
        strangers += [
            f"{store}: a row of somebody else is gone" for _ in _others(rows.keys() - now.keys(), rows, marks)
        ]
        changed = {key for key in rows.keys() & now.keys() if rows[key] != now[key]}
        strangers += [f"{store}: a row of somebody else changed" for _ in _others(changed, rows, marks)]
        strangers += [f"{store}: a row that was not there" for _ in now.keys() - rows.keys()]
    return strangers


def differing(one: dict[str, Rows], other: dict[str, Rows]) -> list[str]:
    """Stores whose content is not the same, record for record."""
    return sorted(store for store in one.keys() | other.keys() if one.get(store) != other.get(store))


def residue(folder: Path, identifiers: Collection[tuple[str, str]], allowed: Collection[str]) -> dict[str, int]:
    """Files below a folder that hold the person in any spelling, apart from the leftovers that the plan names."""
    patterns = [pattern for kind, value in identifiers for pattern in byte_patterns(kind, value, "DE")]
    found = scan_tree(folder, patterns)
    return {name: hits for name, hits in found.items() if not any((folder / name).is_relative_to(a) for a in allowed)}


def half_done(folders: Collection[Path]) -> list[str]:
    """Files that only a killed process leaves, by name."""
    found = [path for folder in folders for pattern in HALF_DONE for path in folder.rglob(pattern)]
    return sorted({str(path.name) for path in found})


def letters_twice(folder: Path) -> list[str]:
    """Letters that went out more than once, by their Message-ID; a letter without one counts too."""
    text = "\n".join(path.read_text("utf-8", "replace") for path in sorted(folder.glob("*.log")))
    found = re.findall(r"(?im)^message-id: *(\S+)", text)
    twice = [name for name, times in Counter(found).items() if times > 1]
    return twice + ["without Message-ID"] * (len(re.findall(r"(?im)^subject: ", text)) - len(found))


def names(folder: Path, reference: str) -> set[str]:
    """Every file below a folder, the case's reference and the index's generation left out of its name."""
    found = set()
    for path in folder.rglob("*"):
        if path.is_file():
            name = str(path.relative_to(folder)).replace(reference, "CASE")
            found.add("/".join("gen" if part.startswith("gen-") else part for part in name.split("/")))
    return found


def _others(keys: Collection[str], rows: Rows, marks: Collection[str]) -> list[str]:
    return [key for key in keys if not any(mark in _folded(rows[key]) for mark in marks)]


def marks_of(values: Collection[str], before: dict[str, Rows], customer_id: str) -> set[str]:
    """What tells that a row is about the person, in any spelling, or was made from one of the person's tickets."""
    tickets = [json.loads(row) for row in before["tickets.jsonl"].values()]
    own = [row["id"] for row in tickets if row["customer_id"] == customer_id]
    if not own:
        raise SystemExit("The company was made by another version of the sample: nobody there is the demo's person.")
    return {_folded(value) for value in [*values, *own]}


def _folded(text: str) -> str:
    with suppress(ValueError):  # an escaped letter hides nothing
        text = json.dumps(json.loads(text), ensure_ascii=False)
    plain = text.casefold().replace("%40", "@").replace("&#64;", "@")
    return "".join(letter for letter in plain if letter.isalnum())


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(path.read_text("utf-8").splitlines()):
        row = json.loads(line)
        yield str(row.get("id") or row.get("key") or number), line


def _table(path: Path) -> Iterator[tuple[str, str]]:
    for row in pq.read_table(path).to_pylist():
        yield str(row["key"]), json.dumps(row, sort_keys=True, default=str)


def _csv(path: Path) -> Iterator[tuple[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        for number, row in enumerate(csv.reader(stream)):
            yield str(number), json.dumps(row)


def _sqlite(path: Path) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - the name is the schema's own
                yield f"{table}/{row[0]}", json.dumps(row, default=repr)


def _index(folder: Path) -> Rows:
    """Chunks with the digest of each one's vector."""
    index = load("faiss").open(folder)
    generation = folder / (folder / "CURRENT").read_text().strip()
    chunks = [json.loads(line) for line in (generation / "chunks.jsonl").read_text("utf-8").splitlines()]
    vectors = index.vectors([chunk["id"] for chunk in chunks])
    digests = [hashlib.sha256(vector.tobytes()).hexdigest() for vector in vectors]
    return {
        str(chunk["id"]): json.dumps({**chunk, "vector": digest}, ensure_ascii=False)
        for chunk, digest in zip(chunks, digests, strict=True)
    }
