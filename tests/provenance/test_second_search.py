"""The second search: what it cannot read is never called clean."""

import os
from pathlib import Path

import pytest

from compliance.provenance.connectors import Place
from compliance.rules.errors import SourceUnreachable
from compliance.validation import plainsight


def test_a_folder_that_cannot_be_read_is_no_folder_without_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "hers.txt").write_text("ana.silva@x.com\n")
    place = Place("Mails", "dataset", "files", str(tmp_path), {})
    assert plainsight.rows_with(place, plainsight.forms("email", "ana.silva@x.com")) == 1
    scandir = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(SourceUnreachable, match="closed"):
        plainsight.rows_with(place, {"anasilva"})
