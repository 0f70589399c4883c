"""A way to a server that can be closed: what stands behind it seems to be down, whoever runs it."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from tests.services.servers import free_port


class Gate:
    """Forwards connections to ``address`` while it is open; ``shut()`` ends those there are and refuses new ones."""

    def __init__(self, address: str) -> None:
        self._parts = urlsplit(address)
        self._port = free_port()
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None

    @property
    def address(self) -> str:
        """The address of the way through the gate."""
        account, at, _ = self._parts.netloc.rpartition("@")
        return urlunsplit(self._parts._replace(netloc=f"{account}{at}127.0.0.1:{self._port}"))

    def open(self) -> None:
        """Let connections through."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """End every connection and refuse new ones."""
        for side in [self._listener, *self._open]:
            if side is not None:
                with suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
                side.close()
        self._listener, self._open = None, []

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                here, _ = listener.accept()
                there = socket.create_connection((self._parts.hostname or "127.0.0.1", self._parts.port or 6379))
                self._open += [here, there]
                for source, target in ((here, there), (there, here)):
                    threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
