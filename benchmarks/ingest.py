"""What one request costs with the ingest index over 10⁵, 10⁶ and 10⁷ records, beside the scan, ripgrep and reading.

    python benchmarks/ingest.py [--quick] [--sizes N N N] [--folder DIR] [--json FILE]

Eight people of ten identifiers each (e-mail addresses, phone and customer numbers) stand in 20 rows a person, as many
in every size, apart from each other; the other rows are of strangers, distinct for 48 MB and then repeated. A request
opens the index, asks it, and reads and checks the blocks that it names: its cost is the median over people, each asked
three times, files in the page cache. The scan, ``ripgrep -F`` with the ten values as typed, and reading the bytes are
of the same file in the same run, once each, on one core. SQLite is the rival for the keys themselves: the same keys,
``WITHOUT ROWID``.
"""

import argparse
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.people import People  # noqa: E402
from retrieval.ingest import Ingested, Ingestion, Looked, ingest, look_up  # noqa: E402
from retrieval.sweep import sweep  # noqa: E402
from retrieval.types import Needle  # noqa: E402

FLAT, KEY_BYTES, ASKED_MS, QUICKER = 2.0, 40.0, 10.0, 100.0
SIZES, QUICK = (100_000, 1_000_000, 10_000_000), (5_000, 50_000, 250_000)
ENOUGH = 900_000  # records, below which a scan is too short to be compared with
PEOPLE, ROWS_EACH, SAME_ROWS = 8, 20, 48 << 20
KEY = bytes(range(32))


def main() -> int:
    """Run, print figures beside goals, and say by the exit code whether all were met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5,000 to 250,000 records, under a minute")
    parser.add_argument("--sizes", type=int, nargs="+", help="numbers of records, ascending")
    parser.add_argument("--folder", type=Path, help="where the files go (some 12 GB for 10⁷ records)")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    sizes = given.sizes or (QUICK if given.quick else SIZES)
    people, figures = _people(), {"sizes": {}}
    base = _strangers(4 << 20 if given.quick else SAME_ROWS)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        _warm(Path(name))
        for size in sizes:
            figures["sizes"][str(size)] = _measure(Path(name), size, base, people)
        figures["near"] = _near(Path(name), min(sizes[0], 50_000), base, people)
        figures["rival"] = _rival(Path(name), 100_000 if given.quick else 1_000_000)
    figures["goals"] = goals = _goals(list(figures["sizes"].values()))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2))
    short = [goal for goal, met in goals.items() if not met]
    print(
        f"ingest: {len(goals) - len(short)} of {len(goals)} goals met"
        + (f"; short: {', '.join(short)}" if short else "")
    )
    return 1 if short else 0


def _people() -> list[list[Needle]]:
    source = People(random.Random(21))
    return [
        [
            *(Needle("email", source.email(), f"{person} mail {at}") for at in range(4)),
            *(Needle("phone", source.phone(), f"{person} phone {at}") for at in range(3)),
            *(Needle("customer_id", source.customer(), f"{person} number {at}") for at in range(3)),
        ]
        for person in range(PEOPLE)
    ]


def _strangers(size: int) -> list[bytes]:
    source, nobody = People(random.Random(22)), [Needle("username", "nobody at all", "nobody")]
    rows, total = [], 0
    while total < size:
        rows.append(source.row(nobody).encode())
        total += len(rows[-1])
    return rows


def _write(path: Path, size: int, base: list[bytes], people: list[list[Needle]]) -> None:
    source = People(random.Random(23))
    planted = [source.row([needles[at % len(needles)]]) for needles in people for at in range(ROWS_EACH)]
    values = [needles[at % len(needles)].value for needles in people for at in range(ROWS_EACH)]
    rows = [
        row.replace('"text": "', f'"text": "{value} ', 1).encode() for row, value in zip(planted, values, strict=True)
    ]
    with path.open("wb") as out:
        written = 0
        for number, row in enumerate(rows, start=1):
            out.write(row)
            upto = number * (size - len(rows)) // len(rows)
            while written < upto:
                at = written % len(base)
                some = base[at : at + upto - written]
                out.writelines(some)
                written += len(some)


def _measure(folder: Path, size: int, base: list[bytes], people: list[list[Needle]]) -> dict[str, Any]:
    data, index = folder / f"data-{size}", folder / f"index-{size}"
    data.mkdir()
    corpus = data / "rows.jsonl"
    _write(corpus, size, base, people)
    built = ingest(data, index, KEY, near=False)
    asked, held, found, blocks = _ask(data, index, people)
    read, _ = _timed(lambda: _read(corpus))
    scanned, scan = _timed(lambda: sum(1 for _ in sweep([corpus], people[0], region="DE")))
    theirs = _ripgrep(folder, corpus, people[0])
    figure = {
        **_build_figures(built, corpus),
        "request ms": 1e3 * asked, "asking the index ms": 1e3 * held, "finds": found, "blocks read": blocks,
        "scan s": scanned, "ripgrep s": theirs, "read s": read, "scan / request": scanned / asked,
    }  # fmt: skip
    if scan != found[0]:
        raise RuntimeError(f"The scan found {scan} of the first person, the index {found[0]}: one of them is wrong.")
    print(
        f"{size:>10,} records ({corpus.stat().st_size / 1e9:.2f} GB): request {1e3 * asked:.1f} ms "
        f"({statistics.median(found):.0f} finds, {statistics.median(blocks):.0f} blocks; "
        f"asking alone {1e3 * held:.2f} ms) · scan {scanned:.2f} s, "
        f"ripgrep {f'{theirs:.2f} s' if theirs else '–'}, reading {read:.2f} s · "
        f"built at {figure['records/s']:,.0f} records/s ({figure['MB/s']:.0f} MB/s), "
        f"{figure['bytes/record']:.0f} bytes a record, {figure['bytes/key']:.1f} a key"
    )
    shutil.rmtree(data)
    shutil.rmtree(index)
    return figure


def _build_figures(built: Ingestion, corpus: Path) -> dict[str, float]:
    size = corpus.stat().st_size
    return {
        "records": built.records, "records/s": built.records / built.seconds, "MB/s": size / built.seconds / 1e6,
        "bytes/record": built.bytes / built.records, "bytes/key": built.bytes / built.entries,
    }  # fmt: skip


def _ask(data: Path, index: Path, people: list[list[Needle]]) -> tuple[float, float, list[int], list[int]]:
    whole, alone, found, blocks = [], [], [], []
    for needles in people:
        request = partial(_request, data, index, needles)
        request()  # its pages are read in
        for _ in range(3):
            seconds, looked = _timed(request)
            whole.append(seconds)
            alone.append(_timed(partial(Ingested(index, KEY).holding, needles, region="DE"))[0])
        found.append(len(looked.found))
        blocks.append(looked.blocks)
    return statistics.median(whole), statistics.median(alone), found, blocks


def _request(data: Path, index: Path, needles: list[Needle]) -> Looked:
    return look_up(Ingested(index, KEY), data, needles, region="DE")


def _near(folder: Path, size: int, base: list[bytes], people: list[list[Needle]]) -> dict[str, float]:
    data = folder / "near"
    data.mkdir()
    _write(data / "rows.jsonl", size, base, people)
    figure = _build_figures(ingest(data, folder / "near-index", KEY), data / "rows.jsonl")
    print(
        f"{size:>10,} records with near-duplicate keys: {figure['records/s']:,.0f} records/s, "
        f"{figure['bytes/record']:.0f} bytes a record"
    )
    return figure


def _rival(folder: Path, count: int) -> dict[str, float]:
    """The same keys in SQLite and as a sorted file."""
    keys = np.random.default_rng(5).integers(0, 1 << 62, count, np.uint64)
    wanted = [int(key) for key in keys[:: max(1, count // 2_000)]]

    def sorted_file() -> None:
        np.sort(keys).tofile(folder / "keys")

    def table() -> None:
        with closing(sqlite3.connect(folder / "keys.sqlite")) as database:
            database.execute("CREATE TABLE keys (key INTEGER, block INTEGER, PRIMARY KEY (key, block)) WITHOUT ROWID")
            database.executemany(
                "INSERT OR IGNORE INTO keys VALUES (?, ?)", ((k >> 20, k & 0xFFFFF) for k in keys.tolist())
            )
            database.commit()

    ours, theirs = _timed(sorted_file)[0], _timed(table)[0]
    mapped = np.memmap(folder / "keys", np.uint64, "r")
    find = _timed(lambda: [int(np.searchsorted(mapped, np.uint64(key))) for key in wanted])[0] / len(wanted)
    with closing(sqlite3.connect(folder / "keys.sqlite")) as database:
        sql = "SELECT block FROM keys WHERE key = ?"
        ask = _timed(lambda: [database.execute(sql, (key >> 20,)).fetchall() for key in wanted])[0] / len(wanted)
    size = (folder / "keys.sqlite").stat().st_size / count
    print(
        f"{count:>10,} keys alone: sorted file {count / ours / 1e6:.1f} M/s, 8 bytes, {1e6 * find:.1f} µs a look-up · "
        f"SQLite WITHOUT ROWID {count / theirs / 1e6:.2f} M/s, {size:.0f} bytes, {1e6 * ask:.1f} µs"
    )
    return {"sorted M/s": count / ours / 1e6, "sorted µs": 1e6 * find, "SQLite M/s": count / theirs / 1e6,
            "SQLite bytes": size, "SQLite µs": 1e6 * ask}  # fmt: skip


def _goals(figures: list[dict[str, Any]]) -> dict[str, bool]:
    first, last = figures[0], figures[-1]
    ratio = last["request ms"] / first["request ms"]
    print(f"request at {last['records']:,} / at {first['records']:,} records: {ratio:.2f} (goal ≤ {FLAT:g})")
    print(f"asking the index: {last['asking the index ms']:.2f} ms for ten identifiers (goal ≤ {ASKED_MS:g} ms)")
    print(f"bytes a key: {last['bytes/key']:.1f} (goal ≤ {KEY_BYTES:g})")
    goals = {
        "flat": ratio <= FLAT,
        "bytes a key": last["bytes/key"] <= KEY_BYTES,
        "asking": last["asking the index ms"] <= ASKED_MS,
    }
    if last["records"] >= ENOUGH:
        print(f"scan / request at the largest: {last['scan / request']:.0f} (goal ≥ {QUICKER:g})")
        goals["quicker than the scan"] = last["scan / request"] >= QUICKER
    return goals


def _warm(folder: Path) -> None:
    """Compile what is compiled at first use."""
    (folder / "warm").mkdir()
    (folder / "warm" / "a.jsonl").write_text('{"text": "é nobody@example.org"}\n')
    ingest(folder / "warm", folder / "warm-index", KEY)
    look_up(Ingested(folder / "warm-index", KEY), folder / "warm", [Needle("email", "nobody@example.org", "n")])


def _read(path: Path) -> None:
    with path.open("rb", buffering=0) as handle:
        held = bytearray(1 << 20)
        while handle.readinto(held):
            pass


def _ripgrep(folder: Path, corpus: Path, wanted: list[Needle]) -> float:
    """Return seconds; 0 where ripgrep is not installed."""
    if shutil.which("rg") is None:
        return 0.0
    patterns = folder / "patterns.txt"
    patterns.write_text("".join(f"{needle.value}\n" for needle in wanted))
    command = ["rg", "-F", "-c", "-j1", "-f", str(patterns), str(corpus)]
    return _timed(lambda: subprocess.run(command, capture_output=True, check=False))[0]


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = run()
    return time.perf_counter() - began, result


if __name__ == "__main__":
    sys.exit(main())
