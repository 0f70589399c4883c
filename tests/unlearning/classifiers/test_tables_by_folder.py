"""A table in a folder with its schema goes through the same commands as images: fit, forget, check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unlearning.classifiers.tables.commands import ESTIMATORS
from unlearning.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three hundred customers with a test file beside; one of them lives where nobody else does."""
    chance = np.random.default_rng(0)
    home = tmp_path / "customers"
    home.mkdir()
    for part, rows in (("train", 300), ("test", 60)):
        lines = ["person,email,age,town,churned"]
        for n in range(rows):
            age, town = int(chance.integers(18, 80)), "Xanadu" if (part, n) == ("train", 7) else f"town{n % 3}"
            lines.append(f"{part}{n},u{n}@x.example,{age},{town},{'yes' if age + 9 * chance.normal() > 50 else 'no'}")
        (home / f"{part}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (home / "schema.json").write_text(json.dumps({"target": "churned", "identifiers": ["person", "email"]}))
    (tmp_path / "ids").write_text("train7\ntrain8\n")
    return home


def run(does: str, home: Path, *words: str) -> dict[str, Any]:
    """The command's result; what it said when it failed."""
    out = home.parent / f"{does}.json"
    code = main(["classifier", does, "--data", str(home), *words, "--json", str(out)])
    return dict(json.loads(out.read_text())) if code == 0 else {"failed": code}


@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_a_table_forgets_exactly_and_the_audit_sees_it_and_sees_when_it_did_not(folder: Path, name: str) -> None:
    model, new, ids = str(folder.parent / "m"), str(folder.parent / "n"), str(folder.parent / "ids")
    shards = "2" if name in ("boosting", "svm") else "1"
    assert run("train", folder, "--out", model, "--estimator", name, "--shards", shards)["accuracy"] > 0.6
    found = run("unlearn", folder, "--model", model, "--out", new, "--forget-ids", ids)
    figures = {f["name"]: f["value"] for f in found["figures"] if not f["note"]}
    assert found["exactness"] == "exact" and found["gate"] == "pass" and figures["rows gone"] == 2
    assert figures["words gone from the vocabulary"] == 1
    assert b"Xanadu" in (folder.parent / "m" / "model.pickle").read_bytes()
    assert b"Xanadu" not in (folder.parent / "n" / "model.pickle").read_bytes()
    assert run("audit", folder, "--model", model, "--out", new, "--forget-ids", ids)["gate"] == "pass"
    assert run("audit", folder, "--model", model, "--out", model, "--forget-ids", ids)["gate"] == "fail"


def test_what_cannot_be_done_with_a_table_is_refused_in_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = folder.parent / "m", str(folder.parent / "other")
    run("train", folder, "--out", str(model))
    for words, meant in (
        (["unlearn", "--forget-class", "yes"], "forgets rows"),
        (["unlearn", "--forget-ids", str(folder.parent / "ids"), "--method", "scrub"], "fitted again"),
        (["tune", "--forget-ids", str(folder.parent / "ids")], "no dose"),
        (["train", "--estimator", "magic"], "no estimator"),
    ):
        capsys.readouterr()
        assert "failed" in run(words[0], folder, "--model", str(model), "--out", out, *words[1:])
        assert meant in capsys.readouterr().err
    (folder.parent / "ids").write_text("nobody\n")
    assert "failed" in run(
        "unlearn", folder, "--model", str(model), "--out", out, "--forget-ids", str(folder.parent / "ids")
    )
    for broken in ("[]", "{", '{"target": 3}', '{"target": "churned", "identifiers": "person"}', "[" * 100_000):
        (folder / "schema.json").write_text(broken)
        assert "failed" in run("train", folder, "--out", out)


def test_a_table_without_a_header_shows_nobody_in_what_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (folder / "train.csv").read_text().splitlines()
    (folder / "train.csv").write_text("\n".join(["Ana,Souza,1985-04-07,Lisboa,yes", *lines[1:]]) + "\n")
    capsys.readouterr()
    assert "failed" in run("train", folder, "--out", str(folder.parent / "m"))
    said = capsys.readouterr().err
    assert "no column churned" in said
    assert not [word for word in ("Ana", "Souza", "1985", "Lisboa") if word in said]
