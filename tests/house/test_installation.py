"""A fresh installation, as another account of the same machine finds it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from compliance.settings import BASE_DIR


def test_other_accounts_of_the_machine_do_not_look_into_a_fresh_installation(tmp_path: Path) -> None:
    var = tmp_path / "new" / "var"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OUBLI_", "DATABASE_URL"))}
    script = "import os; os.umask(0o022); import compliance.settings"
    subprocess.run([sys.executable, "-c", script], env={**kept, "OUBLI_VAR": str(var)}, check=True)
    assert var.stat().st_mode & 0o077 == 0
    keys = [path for path in (var / "keys").iterdir() if path.is_file()]
    assert len(keys) == 2 and all(path.stat().st_mode & 0o077 == 0 for path in keys)


def test_a_disk_that_is_too_full_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    checkout, programs = tmp_path / "Ein Ordner für Oubli", tmp_path / "programs"
    for folder in (checkout / "docker", checkout / "retrieval", checkout / "unlearning", programs):
        folder.mkdir(parents=True)
    shutil.copy(BASE_DIR / "docker" / "setup.sh", checkout / "docker")
    (checkout / "requirements.txt").touch()
    (checkout / "retrieval" / "empty.py").touch()
    disk = programs / "df"
    disk.write_text(
        "#!/bin/sh\necho 'Filesystem 1024-blocks Used Available'\necho 'disk 9000000 7000000 2000000 78% /'\n"
    )
    disk.chmod(0o755)
    surroundings = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHON": sys.executable}
    done = subprocess.run(
        ["sh", "docker/setup.sh", "runtime"],
        cwd=checkout,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Not enough room" in done.stdout and "1 GB are free" in done.stdout
    assert "Traceback" not in done.stderr and not (checkout / ".venv").exists()


def test_a_machine_that_reads_names_of_files_in_another_encoding_is_told_what_to_set(tmp_path: Path) -> None:
    other = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "OUBLI_VAR": str(tmp_path / "var")}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=BASE_DIR,
        env={**os.environ, **other},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"PYTHONUTF8=1" in done.stderr and b"Traceback" not in done.stderr
    assert not (tmp_path / "var").exists()
