"""What a worker's log says of an error that nobody foresaw: class and place, never its words."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from compliance.provenance.connectors import Place
from compliance.validation import plainsight
from compliance.worker import tasks


def test_an_unforeseen_error_is_logged_with_the_line_of_ours_that_led_there(tmp_path: Path) -> None:
    where = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    place = Place(name="A", kind="database", connector="sql", location=where, options={"table": "ana_prado"})
    with pytest.raises(sa.exc.NoSuchTableError) as caught:
        plainsight.rows_with(place, {"anything"})
    words = tasks._place(caught.value)
    assert words.startswith("NoSuchTableError at reflection.py:") and ", called from plainsight.py:" in words
    assert "ana_prado" not in words
