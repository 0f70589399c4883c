"""A packed list whose header was changed is refused in words, whatever was changed; the one being served goes on."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from retrieval.entries import MAGIC
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
