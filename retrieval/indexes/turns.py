"""Many may search at a time; who changes what is searched waits for them, and they for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A lock with two sides; a waiting change goes before new searches."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._reading = 0
        self._waiting = 0
        self._changing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold it together with others who read."""
        with self._free:
            while self._changing or self._waiting:
                self._free.wait()
            self._reading += 1
        try:
            yield
        finally:
            with self._free:
                self._reading -= 1
                self._free.notify_all()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold it alone."""
        with self._free:
            self._waiting += 1
            while self._changing or self._reading:
                self._free.wait()
            self._waiting -= 1
            self._changing = True
        try:
            yield
        finally:
            with self._free:
                self._changing = False
                self._free.notify_all()
