"""Files that somebody hostile, careless or unlucky left in a registered folder: each function makes one."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import socket
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HER = b"ana.lima@post.example"
MEGABYTE = 1 << 20


def zip_in_zip(path: Path) -> None:
    """Five archives in each other; the innermost decodes to a hundred times what it is."""
    raw = b"0" * 64 * MEGABYTE
    for depth in range(5):
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(1 if depth == 0 else 4):
                archive.writestr(f"{number}.{'txt' if depth == 0 else 'zip'}", raw)
        raw = held.getvalue()
    path.write_bytes(raw)


def zip_of_overlapping(path: Path) -> None:
    """Every member points at the same bytes (Fifield, "A better zip bomb", 2019)."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"0" * 8 * MEGABYTE)
    raw = held.getvalue()
    at = raw.index(b"PK\x01\x02")
    entry = raw[at : raw.index(b"PK\x05\x06")]
    count = 2_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entry) * count, at, 0)
    path.write_bytes(raw[:at] + entry * count + end)


def zip_slip(path: Path) -> None:
    """Members that would be written elsewhere, and a link among them."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../../../tmp/oubli-was-here.txt", "/etc/oubli-was-here.txt", "C:\\oubli-was-here.txt"):
            archive.writestr(name, "nothing\n")
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")


def gzip_thousandfold(path: Path) -> None:
    """Compressed a thousand to one."""
    with gzip.open(path, "wb") as out:
        for _ in range(20):
            out.write(b"0" * 16 * MEGABYTE)


def gzip_in_gzip(path: Path) -> None:
    """A bomb in a bomb."""
    path.write_bytes(gzip.compress(gzip.compress(b"0" * 200 * MEGABYTE)))


def packed(pack: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """A bomb of another kind."""

    def make(path: Path) -> None:
        path.write_bytes(pack((b"0" * 9_999 + b"\n") * 200) * 100)

    return make


def parquet_of_nothing(path: Path) -> None:
    """Ten thousand row groups of one row."""
    table = pa.table({"a": ["x"]})
    with pq.ParquetWriter(path, table.schema) as out:
        for _ in range(3_000):
            out.write_table(table)


def parquet_that_lies(path: Path) -> None:
    """A footer that says it is longer than the file."""
    pq.write_table(pa.table({"a": ["x"] * 100}), path)
    raw = path.read_bytes()
    path.write_bytes(raw[:-8] + struct.pack("<L", 0x7FFFFFFF) + b"PAR1")


def parquet_dictionary(path: Path) -> None:
    """A few kilobytes that decode to gigabytes: one long text, a million times."""
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000_000, pa.int32()), pa.array(["x" * 20_000]))
    pq.write_table(pa.table({"a": column}), path)


def cut(make: Callable[[Path], None], share: float = 0.6) -> Callable[[Path], None]:
    """The same file without its end."""

    def made(path: Path) -> None:
        make(path)
        raw = path.read_bytes()
        path.write_bytes(raw[: int(len(raw) * share)])

    return made


def noise(path: Path) -> None:
    """Random bytes under an honest name."""
    path.write_bytes(random.Random(7).randbytes(300_000))


def whole_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(random.Random(3).randbytes(200_000)))


def whole_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", random.Random(3).randbytes(100_000))


def whole_parquet(path: Path) -> None:
    pq.write_table(pa.table({"a": [str(n) for n in range(10_000)]}), path)


def whole_warc(path: Path) -> None:
    body = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000
    path.write_bytes(b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n" % (len(body), body))


def endless_line(path: Path) -> None:
    """Ten gigabytes without a line end."""
    with path.open("wb") as out:
        out.truncate(10 * 1024**3)


def deep_json(path: Path) -> None:
    """A hundred thousand brackets."""
    path.write_bytes(b"[" * 100_000 + b"]" * 100_000)


def deep_line(path: Path) -> None:
    """The same as a line of JSON lines, behind a good one."""
    path.write_bytes(b'{"id": "x"}\n' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n")


def deep_html(path: Path) -> None:
    """A hundred thousand elements in each other."""
    path.write_bytes(b"<html><body>" + b"<div>" * 100_000 + b"x")


def many_columns(path: Path) -> None:
    """Three hundred thousand columns."""
    path.write_bytes(b",".join(b"c%d" % n for n in range(300_000)) + b"\n" + b"," * 299_999 + b"\n")


def many_fields(path: Path) -> None:
    """A record of a hundred thousand fields."""
    path.write_text(json.dumps({f"f{n}": n for n in range(100_000)}) + "\n", encoding="utf-8")


def long_number(path: Path) -> None:
    """A number of a million digits, which Python refuses to read."""
    path.write_bytes(b'{"id": "x", "n": ' + b"9" * 1_000_000 + b"}\n")


def half_characters(path: Path) -> None:
    """Surrogates without their other half, and bytes that are no UTF-8."""
    path.write_bytes(b'{"id": "x", "a": "\\ud800 \\udfff"}\n{"id": "y", "a": "\xff\xfe"}\n')


def utf16(path: Path) -> None:
    """What some programs call Unicode."""
    path.write_text('{"id": "x", "a": "b"}\n', "utf-16")


def zero_bytes(path: Path) -> None:
    """A CSV file with zero bytes in it."""
    path.write_bytes(b"id,mail\nz1,\x00\x00\nz2,a\x00b\n")


def open_quote(path: Path) -> None:
    """A quote that nobody closes."""
    path.write_bytes(b'id,mail\nq1,"never closed\n' + b"q2,b\n" * 100_000)


def a_socket(path: Path) -> None:
    """A socket, bound by a short name: addresses of sockets are short."""
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


# name of the file -> how it is made, and whether some of it cannot be read
HOSTILE: Mapping[str, tuple[Callable[[Path], object], bool]] = {
    "matryoshka.zip": (zip_in_zip, True),
    "overlapping.zip": (zip_of_overlapping, True),
    "slip.zip": (zip_slip, False),
    "thousandfold.log.gz": (gzip_thousandfold, True),
    "twice.txt.gz": (gzip_in_gzip, True),
    "bomb.log.bz2": (packed(bz2.compress), True),
    "bomb.log.xz": (packed(lzma.compress), True),
    "groups.parquet": (parquet_of_nothing, False),
    "lies.parquet": (parquet_that_lies, True),
    "dictionary.parquet": (parquet_dictionary, True),
    "cut.parquet": (cut(whole_parquet), True),
    "cut.log.gz": (cut(whole_gzip), True),
    "cut.zip": (cut(whole_zip), True),
    "cut.warc": (cut(whole_warc), True),
    "noise.parquet": (noise, True),
    "noise.zip": (noise, True),
    "noise.jsonl": (noise, True),
    "noise.txt": (noise, False),
    "document.txt": (lambda path: path.write_bytes(b"%PDF-1.7\n"), True),
    "endless.jsonl": (endless_line, True),
    "endless.csv": (endless_line, True),
    "endless.txt": (endless_line, True),
    "deep.json": (deep_json, True),
    "deep.jsonl": (deep_line, True),
    "deep.html": (deep_html, False),
    "columns.csv": (many_columns, False),
    "fields.jsonl": (many_fields, False),
    "number.jsonl": (long_number, True),
    "halves.jsonl": (half_characters, True),
    "utf16.jsonl": (utf16, True),
    "zeros.csv": (zero_bytes, False),
    "quote.csv": (open_quote, True),
    "empty.parquet": (lambda path: path.write_bytes(b""), True),
    "empty.zip": (lambda path: path.write_bytes(b""), True),
    "empty.jsonl": (lambda path: path.write_bytes(b""), False),
    "empty.csv": (lambda path: path.write_bytes(b""), False),
    "pipe.txt": (os.mkfifo, True),
    "socket.txt": (a_socket, True),
    "passwd.txt": (lambda path: path.symlink_to("/etc/passwd"), True),
    "loop.txt": (lambda path: path.symlink_to(path.name), True),
    "zero.txt": (lambda path: path.symlink_to("/dev/zero"), True),
}
