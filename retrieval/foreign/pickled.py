"""Read and write LangChain's pickled document store without running what a pickle may ask for.

A pickle is a program. Only the classes of a document store are admitted, and those as stand-ins that keep their
state and do nothing; beside them the plain types that metadata holds. Anything else is refused by name.
"""

import io
import pickle
import pickletools
from collections import OrderedDict
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, SafeUUID

from retrieval.errors import IndexUnreadable

_PROTOCOL: Final = 3  # the last without frames: parts written one by one are a pickle when laid side by side
_PUTS: Final = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_STORES: Final = frozenset({"InMemoryDocstore"})
_TEXTS: Final = frozenset({"Document"})
_FAMILY: Final = frozenset({"langchain", "langchain_core", "langchain_community", "langchain_classic"})
_PLAIN: Final[Mapping[tuple[str, str], type]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("datetime", "date"): date,
    ("datetime", "datetime"): datetime,
    ("datetime", "time"): time,
    ("datetime", "timedelta"): timedelta,
    ("datetime", "timezone"): timezone,
    ("decimal", "Decimal"): Decimal,
    ("uuid", "UUID"): UUID,
    ("uuid", "SafeUUID"): SafeUUID,
}


class Refused(IndexUnreadable):
    """A pickle that asks for a class that no document store holds."""


class StandIn:
    """An object of a class that is not loaded: its state, and nothing else."""

    module = name = ""
    state: Any = None

    def __new__(cls, *arguments: object) -> "StandIn":
        """Take no arguments: the real classes are pickled without any."""
        if arguments:
            raise Refused("its documents are made in a way that LangChain does not use")
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN:
            return _PLAIN[module, name]
        if name in _STORES | _TEXTS and module.partition(".")[0] in _FAMILY:
            return type(name, (StandIn,), {"module": module, "name": name})
        raise Refused(f"it asks for {module}.{name}, which no document store holds; do not open it with anything")

    def persistent_load(self, pid: object) -> Any:
        raise Refused("it asks for an object from elsewhere; do not open it with anything")


def read(raw: bytes) -> tuple[StandIn, dict[int, str]]:
    """Return the document store and the names by position; raises ``IndexUnreadable``, without quoting content."""
    try:
        _refuse_memory(raw)
        loaded = _Reader(io.BytesIO(raw)).load()
    except IndexUnreadable:
        raise
    except Exception:  # a damaged pickle raises anything at all, and its message may quote what it holds
        raise IndexUnreadable("it is damaged, or no pickle of a document store") from None
    store, names = loaded if isinstance(loaded, tuple) and len(loaded) == 2 else (None, None)
    if not isinstance(store, StandIn) or store.name not in _STORES or not isinstance(names, dict):
        raise IndexUnreadable("it holds no document store with names by position")
    documents = store.state.get("_dict") if isinstance(store.state, dict) else None
    if not isinstance(documents, dict) or not all(_is_text(one) for one in documents.values()):
        raise IndexUnreadable("its document store holds something else than documents")
    if not all(isinstance(at, int) and isinstance(name, str) for at, name in names.items()):
        raise IndexUnreadable("its names by position are no names by position")
    return store, names


def _refuse_memory(raw: bytes) -> None:
    """Refuse a place in the memo that no such pickle can reach: seven bytes could ask for 64 gigabytes."""
    for op, place, _ in pickletools.genops(raw):
        if op.name in _PUTS and isinstance(place, int) and place > len(raw):
            raise Refused("it asks for more memory than its content needs; do not open it with anything")


def _is_text(one: object) -> bool:
    fields = one.state.get("__dict__") if isinstance(one, StandIn) and isinstance(one.state, dict) else None
    return isinstance(fields, dict) and isinstance(fields.get("page_content"), str)


def fields(one: StandIn) -> dict[str, Any]:
    """Return a document's fields: ``page_content``, ``metadata`` and others."""
    found: dict[str, Any] = one.state["__dict__"]
    return found


def write(store: StandIn, names: Mapping[int, str]) -> bytes:
    """Return the pickle of a store and its names, naming the classes that it was read with."""
    documents = store.state["_dict"]
    parts = [b"}("]
    for name, one in documents.items():
        parts += [_plain(name), _object(one, _plain(one.state))]
    parts.append(b"u")
    rest = {name: value for name, value in store.state.items() if name != "_dict"}
    state = _plain(rest) + b"(" + _plain("_dict") + b"".join(parts) + b"u"
    return b"\x80\x03" + _object(store, state) + _plain(dict(names)) + b"\x86."


def _object(one: StandIn, state: bytes) -> bytes:
    """Global, empty tuple, NEWOBJ, state, BUILD."""
    return b"c" + one.module.encode() + b"\n" + one.name.encode() + b"\n)\x81" + state + b"b"


def _plain(value: object) -> bytes:
    """Return the instructions that make a plain value, without memory of other values."""
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, protocol=_PROTOCOL)
    pickler.fast = True
    try:
        pickler.dump(value)
    except (pickle.PicklingError, TypeError, ValueError, RecursionError, AttributeError):
        raise IndexUnreadable("its metadata holds values that cannot be written again") from None
    return buffer.getvalue()[2:-1]
