"""Compiled loops find a place, whoever owns the package and whether or not the account has a home."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from retrieval import compiled

LOOPS = "from numba import njit\n\n\n@njit(cache=True)\ndef twice(number):\n    return 2 * number\n"
BEGIN = "from pathlib import Path\n\nfrom small import compiled\n\ncompiled.keep_somewhere(Path(__file__).parent)\n"


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A package with one loop, and a file where the folder beside its source would be: not even root writes there."""
    package = tmp_path / "small"
    package.mkdir()
    (package / "__pycache__").touch()
    (package / "__init__.py").write_text(BEGIN)
    (package / "loops.py").write_text(LOOPS)
    shutil.copy(str(compiled.__file__), package)
    (tmp_path / "temporary").mkdir()
    return package


def twice(package: Path, **surroundings: str) -> Path:
    """Run the loop in a process of its own; the folder that it named for what it compiled."""
    kept = {name: value for name, value in os.environ.items() if name not in {compiled.VARIABLE, "XDG_CACHE_HOME"}}
    there = {"PYTHONPATH": str(package.parent), "TMPDIR": str(package.parent / "temporary"), **surroundings}
    program = "import os, small.loops; print(small.loops.twice(21), os.environ['NUMBA_CACHE_DIR'])"
    command, around = [sys.executable, "-c", program], {**kept, **there}
    done = subprocess.run(command, env=around, cwd=package.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer, _, folder = done.stdout.strip().partition(" ")
    assert answer == "42"
    return Path(folder)


def test_an_account_without_a_home_keeps_its_loops_in_a_folder_that_is_its_own(installed: Path) -> None:
    folder = twice(installed, HOME=str(installed / "loops.py"))
    assert folder.parent == installed.parent / "temporary"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.rglob("*.nbi"))


def test_another_version_of_the_package_takes_up_nothing_of_the_one_before(installed: Path, tmp_path: Path) -> None:
    first = twice(installed, HOME=str(tmp_path / "home"))
    assert first.is_relative_to(tmp_path / "home") and list(first.rglob("*.nbi"))
    (installed / "elsewhere.py").write_text("ANOTHER = 2\n")
    assert twice(installed, HOME=str(tmp_path / "home")) != first


def test_a_folder_that_others_may_write_is_nobodys_place_for_what_is_run(tmp_path: Path) -> None:
    strangers = tmp_path / "loops"
    strangers.mkdir()
    strangers.chmod(0o777)
    mine = compiled._own(strangers)
    assert mine != strangers and stat.S_IMODE(mine.stat().st_mode) == 0o700
    mine.rmdir()
