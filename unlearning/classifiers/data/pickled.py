"""What a pickle of arrays, words, numbers, lists and dictionaries holds, read without ever unpickling it.

A pickle is a program: loading one runs what its author wrote. Here its instructions are listed (`pickletools.genops`,
which executes nothing) and followed by a table of inert ones. The four calls that NumPy's arrays and old bytes are
written with build stand-ins of ours; any other call, class or extension is refused by its position, never made.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unlearning.errors import RowsError

MOST = 1 << 30  # bytes of a file
LONGEST = 2_000_000  # instructions: a batch of ten thousand rows has a few for each, and its pixels are one
KINDS: dict[str, np.dtype[Any]] = {name: np.dtype(f"<{name}") for name in ("u1", "i4", "i8")}
ARRAY, KIND, BUFFER, ENCODE = "an empty array", "a kind of number", "an array over bytes", "bytes of old"
CALLS = {
    **{f"numpy.{core}.multiarray _reconstruct": ARRAY for core in ("core", "_core")},
    **{f"numpy.{core}.numeric _frombuffer": BUFFER for core in ("core", "_core")},
    **{f"{home} encode": ENCODE for home in ("_codecs", "codecs")},
    "numpy dtype": KIND,
    "numpy ndarray": "the class of arrays",
}


class _Refused(Exception):
    """The program does what plain values have no need of."""


@dataclass
class _Call:
    """The name of one of CALLS; nothing that could be called."""

    what: str


@dataclass
class _Array:
    """An array before its state is known, or what it holds."""

    values: np.ndarray | None = None


@dataclass
class _Kind:
    """A kind of number, by NumPy's short name."""

    name: str


@dataclass
class _Machine:
    """The stack, the marks upon it, and what was remembered."""

    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def above(self) -> list[Any]:
        """Take off what was put on since the last mark."""
        place = self.marks.pop()
        taken = self.stack[place:]
        del self.stack[place:]
        return taken

    def last(self, count: int) -> tuple[Any, ...]:
        """Take off so many."""
        if count > len(self.stack):
            raise _Refused
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return tuple(taken)


def values(path: Path) -> Any:
    """The one value that the file holds, arrays as NumPy's; RowsError for what holds more than plain values."""
    if path.stat().st_size > MOST:
        raise RowsError(f"reading {path.name}: it is larger than {MOST >> 30} GiB; cut it into batches")
    at = 0
    try:
        machine = _Machine()
        for number, (instruction, argument, place) in enumerate(pickletools.genops(path.read_bytes())):
            at = place or 0
            if number > LONGEST:
                raise _Refused
            if instruction.name == "STOP":
                return _plain(machine.last(1)[0])
            _follow(machine, instruction.name, argument)
        raise _Refused
    except _Refused:
        raise RowsError(
            f"reading {path.name}: at byte {at} this pickle would do more than hold arrays and lists, and nothing of it"
            " was run; give the binary version of the batches (data_batch_1.bin)"
        ) from None
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError, MemoryError):
        raise RowsError(
            f"reading {path.name}: from byte {at} on it is cut short or no pickle; fetch it again"
        ) from None


def _follow(machine: _Machine, name: str, argument: Any) -> None:
    """One instruction; what stands in no table is refused."""
    if name in PUSHED:
        machine.stack.append(PUSHED[name](argument))
    elif name in ACTS:
        ACTS[name](machine, argument)
    else:
        raise _Refused


def _as_read(argument: Any) -> Any:
    return argument


PUSHED: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"), _as_read),
    **dict.fromkeys(("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _as_read),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), bytes),
    # Python 2's words are bytes
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), lambda argument: argument.encode("latin-1")),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_DICT": lambda _: {},
    "EMPTY_LIST": lambda _: [],
    "EMPTY_TUPLE": lambda _: (),
}


def _nothing(machine: _Machine, argument: Any) -> None:
    """PROTO and FRAME say how the rest is written."""


def _mark(machine: _Machine, argument: Any) -> None:
    machine.marks.append(len(machine.stack))


def _remember(machine: _Machine, argument: Any) -> None:
    machine.memo[len(machine.memo) if argument is None else int(argument)] = machine.stack[-1]


def _recall(machine: _Machine, argument: Any) -> None:
    machine.stack.append(machine.memo[int(argument)])


def _tuple(count: int) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.stack.append(machine.last(count))


def _fill(machine: _Machine, pairs: list[Any]) -> None:
    target = machine.stack[-1]
    if not isinstance(target, dict) or len(pairs) % 2 or not all(isinstance(key, str | bytes) for key in pairs[::2]):
        raise _Refused
    target.update(zip(pairs[::2], pairs[1::2], strict=True))


def _extend(machine: _Machine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if not isinstance(target, list):
        raise _Refused
    target.extend(items)


def _dict(machine: _Machine, argument: Any) -> None:
    pairs = machine.above()
    machine.stack.append({})
    _fill(machine, pairs)


def _named(machine: _Machine, argument: Any) -> None:
    """A global's name: in the instruction itself, or the two words on the stack."""
    name = " ".join(map(_word, machine.last(2))) if argument is None else str(argument)
    if name not in CALLS:
        raise _Refused
    machine.stack.append(_Call(CALLS[name]))


def _call(machine: _Machine, argument: Any) -> None:
    called, given = machine.last(2)
    if not isinstance(called, _Call) or not isinstance(given, tuple):
        raise _Refused
    if called.what == ENCODE and [type(one) for one in given] == [str, str] and given[1] == "latin1":
        machine.stack.append(given[0].encode("latin-1"))
    elif called.what == KIND:
        machine.stack.append(_Kind(_word(given[0])))
    elif called.what == ARRAY:
        machine.stack.append(_Array())
    elif called.what == BUFFER and len(given) == 4:
        machine.stack.append(_Array(_held(given[0], given[1], given[2], fortran=_word(given[3]) == "F")))
    else:
        raise _Refused


def _build(machine: _Machine, argument: Any) -> None:
    """The state of the object below: an array's shape, kind and bytes; a kind's byte order says nothing new."""
    (state,) = machine.last(1)
    target = machine.stack[-1]
    if isinstance(target, _Array) and isinstance(state, tuple) and len(state) == 5:
        _, shape, kind, fortran, raw = state
        target.values = _held(raw, kind, shape, fortran=bool(fortran))
    elif isinstance(target, _Kind) and isinstance(state, tuple) and len(state) > 1:
        if _word(state[1]) == ">":
            raise _Refused
    else:
        raise _Refused


ACTS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME"), _nothing),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _recall),
    **dict.fromkeys(("GLOBAL", "STACK_GLOBAL"), _named),
    "MARK": _mark,
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.above())),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "LIST": lambda machine, _: machine.stack.append(machine.above()),
    "DICT": _dict,
    "APPEND": lambda machine, _: _extend(machine, list(machine.last(1))),
    "APPENDS": lambda machine, _: _extend(machine, machine.above()),
    "SETITEM": lambda machine, _: _fill(machine, list(machine.last(2))),
    "SETITEMS": lambda machine, _: _fill(machine, machine.above()),
    "REDUCE": _call,
    "BUILD": _build,
}


def _word(value: Any) -> str:
    """A word; refused when it is none, for a list of lists of lists would be as long as its writer likes."""
    if not isinstance(value, bytes | str):
        raise _Refused
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _held(raw: Any, kind: Any, shape: Any, *, fortran: bool) -> np.ndarray:
    """An array of whole numbers over these bytes; refused when shape and bytes differ."""
    if not isinstance(kind, _Kind) or kind.name not in KINDS or not isinstance(raw, bytes):
        raise _Refused
    if not isinstance(shape, tuple) or len(shape) > 8 or not all(type(n) is int and 0 <= n <= MOST for n in shape):
        raise _Refused
    flat: np.ndarray = np.frombuffer(raw, KINDS[kind.name])
    if math.prod(shape) != len(flat):
        raise _Refused
    return flat.reshape(shape, order="F" if fortran else "C")


def _plain(value: Any) -> Any:
    """Arrays as they are inside a dictionary, a list or alone; deeper ones are nobody's batches."""
    if isinstance(value, dict):
        return {key: _array(one) for key, one in value.items()}
    return _array(value)


def _array(value: Any) -> Any:
    if isinstance(value, _Call | _Kind):
        raise _Refused
    return value.values if isinstance(value, _Array) else value
