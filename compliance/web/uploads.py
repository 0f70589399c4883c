"""Uploads stay in memory and under a cap: no file of a data subject ever lies readable on the disk."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

CAP = 5_000_001  # one more than an attachment may have, so that a larger one is seen to be larger


class CappedMemory(FileUploadHandler):
    """Keeps the first bytes of each file, up to the cap; what is longer is read and dropped."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Start an empty buffer."""
        super().new_file(*args, **kwargs)
        self._buffer = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep what fits."""
        self._buffer.write(raw_data[: max(0, CAP - self._buffer.tell())])

    def file_complete(self, file_size: int) -> UploadedFile[bytes]:
        """The file, as long as it was sent or as the cap allows."""
        size = self._buffer.tell()
        self._buffer.seek(0)
        return InMemoryUploadedFile(
            self._buffer,
            self.field_name,
            self.file_name or "file",
            self.content_type or "",
            size,
            self.charset,
            self.content_type_extra,
        )
