"""Temporary files that name the person live in a folder that its process holds; a dead process's folder is swept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from django.conf import settings

from compliance.jobs import scratch

PROGRAM = """
import sys, tempfile, time, os
from pathlib import Path
os.environ["OUBLI_VAR"], os.environ["DJANGO_SETTINGS_MODULE"] = sys.argv[1], "compliance.settings"
from compliance.jobs import scratch
scratch.begin()
file = tempfile.NamedTemporaryFile("w", suffix=".keys", delete=False)
file.write("somebody"); file.flush()
print(file.name, flush=True)
time.sleep(60)
"""


def test_what_a_killed_worker_left_is_swept_and_a_living_ones_is_not(installation: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(settings.OUBLI_VAR)]
    left, living = (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR) for _ in range(2)
    )
    try:
        files = [Path((process.stdout.readline() if process.stdout else "").strip()) for process in (left, living)]
        assert all(path.is_relative_to(settings.OUBLI_VAR / "scratch") and path.exists() for path in files)
        left.send_signal(signal.SIGKILL)
        left.wait()
        assert files[0].exists()
        mine = scratch.begin()
        assert [path.exists() for path in files] == [False, True]
        assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(mine)
        assert mine.stat().st_mode & 0o077 == 0
    finally:
        for process in (left, living):
            process.kill()
            process.wait()
