"""Sixty-four bytes at a time inside compiled loops: what they are as bit masks, and letters picked out of eight bytes.

Made of LLVM's own vector operations and three of the processor's (x86-64 with AVX2 or AVX-512 and BMI2); ``available``
says whether this processor has them, and nothing here may be compiled where it has not. The idea of tables for the
two halves of a byte: Langdale and Lemire, "Parsing gigabytes of JSON per second", VLDB Journal 28 (2019); of buckets
of beginnings: Qiu et al., "Teddy", in Hyperscan, NSDI 2019.
"""

from collections.abc import Callable
from typing import Any, Final

from llvmlite import binding, ir
from numba import config
from numba.core import cgutils, codegen, types
from numba.extending import intrinsic
from numba.np import arrayobj

WORD: Final = 64
TABLES: Final = 10  # of 64 bytes each: low and high half for the class, then for each of four bytes
LETTER, DIGIT = 6, 1  # bits of a class: a digit, a letter of one half of the alphabet or the other
_compiler: Any = codegen
_code: Any = cgutils  # untyped, as all of numba's inner side
_types: Any = types
_arrays: Any = arrayobj
_settings: Any = config
BYTE, LONG = ir.IntType(8), ir.IntType(64)
LANES, _PAIRS = ir.VectorType(BYTE, WORD), ir.VectorType(ir.IntType(16), WORD // 2)
_HALF = ir.VectorType(BYTE, WORD // 2)


def _operation(body: Callable[..., Any]) -> Any:
    return intrinsic(body)


def _features() -> set[str]:
    """Return what numba compiles for: the processor's features, or fewer where its settings say so."""
    named: str = _settings.CPU_FEATURES if _settings.CPU_FEATURES is not None else _compiler.get_host_cpu_features()
    return {name[1:] for name in named.split(",") if name.startswith("+")}


FEATURES: Final = _features() if binding.get_process_triple().startswith("x86_64") else set()


def available() -> bool:
    """Whether this processor has what the compiled loops here need."""
    return {"avx2", "bmi2", "popcnt"} <= FEATURES


def every(value: int) -> Any:
    return ir.Constant(LANES, [value] * WORD)


def called(builder: Any, name: str, result: Any, *values: Any) -> Any:
    kind = ir.FunctionType(result, [value.type for value in values])
    return builder.call(_code.get_or_insert_function(builder.module, kind, name), values)


def shuffled(builder: Any, table: Any, index: Any) -> Any:
    """Look sixteen-byte tables up, lane by lane; a lane of 128 and more gives zero."""
    if "avx512bw" in FEATURES:
        return called(builder, "llvm.x86.avx512.pshuf.b.512", LANES, table, index)
    halves = [
        called(builder, "llvm.x86.avx2.pshuf.b", _HALF, _part(builder, table, at), _part(builder, index, at))
        for at in (0, WORD // 2)
    ]
    return builder.shuffle_vector(*halves, _places(0, WORD))


def _places(start: int, count: int) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(start, start + count)))


def _part(builder: Any, lanes: Any, start: int) -> Any:
    return builder.shuffle_vector(lanes, ir.Constant(LANES, ir.Undefined), _places(start, WORD // 2))


def upper_half(builder: Any, lanes: Any) -> Any:
    """Return the upper four bits of each lane."""
    moved = builder.lshr(builder.bitcast(lanes, _PAIRS), ir.Constant(_PAIRS, [4] * (WORD // 2)))
    return builder.and_(builder.bitcast(moved, LANES), every(15))


class Block:
    """The lanes of a byte array from one place on."""

    def __init__(self, context: Any, builder: Any, kind: Any, value: Any) -> None:
        self._builder, self._data = builder, context.make_array(kind)(context, builder, value=value).data

    def place(self, at: Any) -> Any:
        """Return the address of a byte."""
        return self._builder.gep(self._data, [at], source_etype=BYTE)

    def lanes(self, at: Any, *, constant: bool = False) -> Any:
        """Load sixty-four bytes; ``constant`` ones are never written while the loop runs."""
        loaded = self._load(at, LANES)
        if constant:
            loaded.set_metadata("invariant.load", self._builder.module.add_metadata([]))
        return loaded

    def _load(self, at: Any, kind: Any) -> Any:
        return self._builder.load(self.place(at), align=1, typ=kind)

    def store(self, at: Any, lanes: Any) -> None:
        """Write sixty-four bytes."""
        self._builder.store(lanes, self._builder.bitcast(self.place(at), LANES.as_pointer()), align=1)

    def long(self, at: Any) -> Any:
        """Load eight bytes."""
        return self._load(at, LONG)

    def put_long(self, at: Any, value: Any) -> None:
        """Write eight bytes."""
        self._builder.store(value, self._builder.bitcast(self.place(at), LONG.as_pointer()), align=1)


@_operation
def kinds_at(typing: Any, block: Any, at: Any, tables: Any) -> Any:
    """Return, as masks of the 64 bytes at ``at``: letters, digits, no ASCII, lead bytes, backslashes, and bytes 0xC3.

    Then, of the 64 runs of four bytes that end there: where a form's first letter stands, its first two, three, four.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        text, rows = (Block(context, builder, signature.args[n], values[n]) for n in (0, 2))

        def table(number: int) -> Any:
            return rows.lanes(ir.Constant(LONG, WORD * number), constant=True)

        def looked_up(lanes: Any, number: int) -> Any:
            low = shuffled(builder, table(number), lanes)
            return builder.and_(low, shuffled(builder, table(number + 1), upper_half(builder, lanes)))

        def mask(relation: str, lanes: Any, value: int) -> Any:
            compare = builder.icmp_signed if relation == "<" else builder.icmp_unsigned
            return builder.bitcast(compare(relation, lanes, every(value)), LONG)

        last, one, two, three = (text.lanes(builder.add(values[1], ir.Constant(LONG, -back))) for back in range(4))
        kind = looked_up(last, 0)
        first = looked_up(three, 2)
        second = builder.and_(first, looked_up(two, 4))
        third = builder.and_(second, looked_up(one, 6))
        fourth = builder.and_(third, looked_up(last, 8))
        masks = [mask("!=", builder.and_(kind, every(bits)), 0) for bits in (LETTER, DIGIT)]
        masks += [mask("<", last, 0), mask(">=", last, 0xC0), mask("==", last, 92), mask("==", last, 0xC3)]
        masks += [mask("!=", lanes, 0) for lanes in (first, second, third, fourth)]
        return _code.pack_array(builder, masks)

    return _types.UniTuple(_types.uint64, 10)(block, at, tables), generate


@_operation
def equal_at(typing: Any, block: Any, at: Any, value: Any) -> Any:
    """Return, as a mask, which of the 64 bytes at ``at`` are a byte; on any processor."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lanes = Block(context, builder, signature.args[0], values[0]).lanes(values[1])
        wanted = builder.insert_element(ir.Constant(LANES, ir.Undefined), values[2], ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), WORD), [0] * WORD)
        same = builder.icmp_unsigned("==", lanes, builder.shuffle_vector(wanted, wanted, zeros))
        return builder.bitcast(same, LONG)

    return _types.uint64(block, at, _types.uint8), generate


@_operation
def eight_at(typing: Any, block: Any, at: Any) -> Any:
    """Load eight bytes as one word, the first one lowest."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return Block(context, builder, signature.args[0], values[0]).long(values[1])

    return _types.uint64(block, at), generate


@_operation
def put_eight(typing: Any, block: Any, at: Any, word: Any) -> Any:
    """Write one word as eight bytes, the lowest one first."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        Block(context, builder, signature.args[0], values[0]).put_long(values[1], values[2])
        return context.get_dummy_value()

    return _types.void(block, at, _types.uint64), generate


@_operation
def borrowed(typing: Any, array: Any) -> Any:
    """Return an array that counts no references: handing it to a function then costs no write that other cores see.

    Whoever borrows must hold the array itself for as long.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = context.make_array(signature.args[0])
        lent = kind(context, builder, value=values[0])
        lent.meminfo = ir.Constant(lent.meminfo.type, None)
        return lent._getvalue()

    return array(array), generate


@_operation
def held(typing: Any, array: Any) -> Any:
    """Do nothing, but need an array: it is not freed before, though only its address was used."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return context.get_dummy_value()

    return _types.void(array), generate


def _lender(element: Any) -> Any:
    """Return a function that makes an array out of a row of ``ground``: its address and how many elements it has."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = signature.return_type
        row = builder.mul(values[1], ir.Constant(LONG, 16))
        rows, made = Block(context, builder, signature.args[0], values[0]), context.make_array(kind)(context, builder)
        data = builder.inttoptr(rows.long(row), context.get_data_type(kind.dtype).as_pointer())
        count, size = (
            rows.long(builder.add(row, ir.Constant(LONG, 8))),
            context.get_constant(_types.intp, kind.dtype.bitwidth // 8),
        )
        _arrays.populate_array(made, data, [count], [size], size, None)
        return made._getvalue()

    def lent(typing: Any, ground: Any, number: Any) -> Any:
        return _types.Array(element, 1, "C")(ground, _types.uint64), generate

    return _operation(lent)


@_operation
def copy(typing: Any, target: Any, at: Any, block: Any, start: Any, count: Any) -> Any:
    """Copy bytes of one array into another, as fast as memory is."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        into, out_of = (Block(context, builder, signature.args[n], values[n]) for n in (0, 2))
        _code.raw_memcpy(builder, into.place(values[1]), out_of.place(values[3]), values[4], 1)
        return context.get_dummy_value()

    return _types.void(target, at, block, start, count), generate


def _instruction(name: str, operands: int, *more: Any) -> Any:
    """Return one of LLVM's operations on words as a function for compiled loops."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return called(builder, name, LONG, *values, *more)

    def one(typing: Any, word: Any) -> Any:
        return _types.uint64(_types.uint64), generate

    def two(typing: Any, word: Any, bits: Any) -> Any:
        return _types.uint64(_types.uint64, _types.uint64), generate

    chosen: Callable[..., Any] = one if operands == 1 else two
    return _operation(chosen)


first_bit: Final = _instruction("llvm.cttz.i64", 1, ir.Constant(ir.IntType(1), 1))
bits_of: Final = _instruction("llvm.ctpop.i64", 1)
picked: Final = _instruction("llvm.x86.bmi.pext.64", 2)
spread: Final = _instruction("llvm.x86.bmi.pdep.64", 2)
lent_bytes: Final = _lender(_types.uint8)
lent_ints: Final = _lender(_types.int32)
lent_codes: Final = _lender(_types.uint32)
lent_places: Final = _lender(_types.int64)
lent_words: Final = _lender(_types.uint64)
