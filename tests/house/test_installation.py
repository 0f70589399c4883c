"""A fresh installation, as another account of the same machine finds it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_other_accounts_of_the_machine_do_not_look_into_a_fresh_installation(tmp_path: Path) -> None:
    var = tmp_path / "new" / "var"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OUBLI_", "DATABASE_URL"))}
    script = "import os; os.umask(0o022); import compliance.settings"
    subprocess.run([sys.executable, "-c", script], env={**kept, "OUBLI_VAR": str(var)}, check=True)
    assert var.stat().st_mode & 0o077 == 0
    keys = [path for path in (var / "keys").iterdir() if path.is_file()]
    assert len(keys) == 2 and all(path.stat().st_mode & 0o077 == 0 for path in keys)
