"""``locate``: find people in records."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from retrieval.types import Note
from retrieval.verbs import given as take

HELP = "find people in JSON lines, CSV, Parquet, HTML, web archives, mail, office files, archives or text, in one pass"


def arguments(parser: ArgumentParser) -> None:
    """Take identifiers and files."""
    take.identifiers(parser)
    parser.add_argument("--threads", type=int, help="threads that filter (all cores); the finds are the same")
    parser.add_argument("--index", type=Path, help="an ingest index of the one folder that is named then")
    parser.add_argument("--key-file", type=Path, help="the index's key")
    parser.add_argument(
        "--encoding", default="", help="of text that is not UTF-8 and names no other: koi8-r, gbk, cp1250"
    )
    parser.add_argument("files", type=Path, nargs="+", help="files, or folders with all that lies in them")


def run(given: Namespace) -> tuple[object, int]:
    """Return every occurrence; 2 as exit code where something was not read."""
    from retrieval.sweep import sweep

    if given.index is not None:
        return _indexed(given), 0
    needles, told = take.needles(given), take.progress(given)
    notes: list[Note] = []
    found = list(
        sweep(
            given.files, needles, region=given.region, threads=given.threads, progress=told, notes=notes.append,
            encoding=given.encoding,
        )
    )  # fmt: skip
    _say(notes)
    return [asdict(one) for one in found], 2 if any(note.what == "refused" for note in notes) else 0


def _say(notes: list[Note]) -> None:
    """Tell each part that was not read; of what was read otherwise than it may be meant how much, and the first."""
    for note in notes:
        if note.what == "refused":
            take.say(f"not read: {note.path}{f', {note.record}' if note.record else ''}: {note.why}")
    stored = sorted((note.why, note.path, note.record) for note in notes if note.what == "stored")
    for why, records in groupby(stored, itemgetter(0)):
        some = list(records)
        take.say(f"{len(some)} {why}, the first: {some[0][1]}, record {some[0][2]}")
    for why, paths in groupby(sorted((note.why, note.path) for note in notes if note.what == "assumed"), itemgetter(0)):
        every = [path for _, path in paths]
        take.say(f"{len(every)} files, the first {every[0]}: {why} (--encoding)")


def _indexed(given: Namespace) -> list[dict[str, object]]:
    from retrieval.ingest import Ingested, look_up
    from retrieval.ingest.keyfile import key_of

    if given.key_file is None or len(given.files) != 1:
        raise ValueError("Asking an ingest index: name the one folder it was made of, and give --key-file.")
    index = Ingested(given.index, key_of(given.key_file))
    needles, told = take.needles(given), take.progress(given)
    looked = look_up(index, given.files[0], needles, region=given.region, progress=told)
    took = f"{looked.indexed} files by the index ({looked.blocks} blocks read)"
    take.say(f"{took}, {len(looked.scanned)} searched as a whole")
    return [asdict(one) for one in looked.found]
