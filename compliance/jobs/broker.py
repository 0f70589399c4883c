"""A broker in a folder, for the embedded default: kombu's file transport with writes that cannot tear.

kombu's own transport opens a message's file and then writes it: a reader may take the empty file, and a damaged file
ends the worker. Here a message is written beside, synced, and renamed; a damaged one is put aside and skipped.
A lost message would still cost no work: the rows in the database are the truth.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem


class Channel(filesystem.Channel):
    """Puts and takes one file a message."""

    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns():020d}_{uuid.uuid4().hex}.{queue}.msg"
        temporary = folder / f".{name}.new"
        with temporary.open("wb") as handle:
            handle.write(json.dumps(payload).encode())
            handle.flush()
            os.fsync(handle.fileno())
        temporary.rename(folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        folder = Path(self.data_folder_in)
        for name in sorted(os.listdir(folder)):
            if name.startswith(".") or name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = folder / f".{name}.{os.getpid()}.taken"
            try:
                (folder / name).rename(taken)  # of two readers exactly one succeeds
            except FileNotFoundError:
                continue
            content = taken.read_bytes()
            taken.unlink()
            try:
                found: dict[str, Any] = json.loads(content)
            except ValueError:
                continue
            return found
        raise Empty


class Transport(filesystem.Transport):
    """The transport that uses the channel above, and looks five times a second."""

    Channel = Channel
    default_port = 0
    polling_interval = 0.2
    driver_type = "folder"
    driver_name = "folder"
