"""A packed list whose header was changed is refused in words, whatever was changed; the one being served goes on."""

import json
import struct
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from retrieval.entries import MAGIC, read, write
from retrieval.errors import SuppressionUnreadable
from retrieval.suppress import BLOCKED_MARK, Entry, Suppression

KEY = bytes(range(32))
ENTRIES = [Entry("email", f"ana.silva{number}@x.com", f"g{number}") for number in range(40)]


def _rewritten(path: Path, **changed: Any) -> None:
    raw = path.read_bytes()
    size = struct.unpack("<I", raw[len(MAGIC) : len(MAGIC) + 4])[0]
    header = json.loads(raw[len(MAGIC) + 4 : len(MAGIC) + 4 + size]) | changed
    made = json.dumps(header).encode()
    made += b" " * (-(len(MAGIC) + 4 + len(made)) % 8)
    path.write_bytes(MAGIC + struct.pack("<I", len(made)) + made + raw[len(MAGIC) + 4 + size :])


@pytest.mark.parametrize(
    "changed",
    [{"rows": 41}, {"rows": 10**9}, {"rows": -1}, {"bloom": 0}, {"bloom": 10**12}, {"kinds": []}, {"longest": None}],
)
def test_a_list_whose_header_was_changed_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    Suppression.build(tmp_path / "l.bin", ENTRIES, KEY)
    _rewritten(tmp_path / "l.bin", **changed)
    with pytest.raises(SuppressionUnreadable, match="damaged"):
        Suppression(tmp_path / "l.bin", KEY)


def test_a_text_under_way_keeps_its_list_while_the_file_is_replaced(tmp_path: Path) -> None:
    listed = Suppression.build(tmp_path / "l.bin", ENTRIES, KEY)
    stream = listed.stream()
    said = stream.feed("write to ana.sil")
    Suppression.build(tmp_path / "l.bin", [Entry("email", "bob@y.example", "h")], KEY)
    assert listed.filter("bob@y.example").text == BLOCKED_MARK
    assert said + stream.feed("va7@x.com now") + stream.finish() == f"write to {BLOCKED_MARK} now"


def test_a_last_day_that_all_rows_share_is_kept_once_and_still_ends_them(tmp_path: Path) -> None:
    key, day = b"k" * 32, date(2026, 3, 1)
    people = [Entry("email", f"person{number}@post.example", f"g{number}", day) for number in range(50)]
    others = [*people[1:], Entry("email", "person0@post.example", "g0")]
    for name, entries in (("one.bin", people), ("several.bin", others)):
        write(tmp_path / name, entries, key, "DE")
    one, several = read(tmp_path / "one.bin", key), read(tmp_path / "several.bin", key)
    assert one.bytes == several.bytes - 2 * 49
    for table, ended in ((one, 50), (several, 49)):
        assert all(table.holds(row, day) for row in range(50))
        assert sum(not table.holds(row, day + timedelta(days=1)) for row in range(50)) == ended


def test_a_shared_last_day_in_a_file_that_does_not_say_so_is_refused(tmp_path: Path) -> None:
    key, path = b"k" * 32, tmp_path / "list.bin"
    write(path, [Entry("email", f"person{number}@post.example", "g") for number in range(9)], key, "DE")
    content = path.read_bytes()
    assert b'"format": 3' in content
    path.write_bytes(content.replace(b'"format": 3', b'"format": 2'))
    with pytest.raises(SuppressionUnreadable):
        read(path, key)
