"""``locate``: find people in records."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from retrieval.verbs import given as take

HELP = "find people in JSON lines, CSV, Parquet, HTML, web archives or text files, in one pass"


def arguments(parser: ArgumentParser) -> None:
    """Take identifiers and files."""
    take.identifiers(parser)
    parser.add_argument("--threads", type=int, help="threads that filter (all cores); the finds are the same")
    parser.add_argument("--index", type=Path, help="an ingest index of the one folder that is named then")
    parser.add_argument("--key-file", type=Path, help="the index's key")
    parser.add_argument("files", type=Path, nargs="+")


def run(given: Namespace) -> tuple[object, int]:
    """Return every occurrence."""
    from retrieval.sweep import sweep

    if given.index is not None:
        return _indexed(given), 0
    needles, told = take.needles(given), take.progress(given)
    packed: list[str] = []

    def unread(path: Path, record: str) -> None:
        packed.append(f"{path}, record {record}")

    found = list(sweep(given.files, needles, region=given.region, threads=given.threads, progress=told, unread=unread))
    if packed:
        take.say(f"{len(packed)} bodies could not be unpacked and were searched as stored, the first: {packed[0]}")
    return [asdict(one) for one in found], 0


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
