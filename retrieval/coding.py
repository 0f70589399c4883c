"""Bytes as codes of six bits, sixty-four at a time: what each byte is in one look-up, what begins there in five more.

Needs a processor that looks sixty-four bytes up in a table of sixty-four (x86-64 with AVX-512 VBMI): ``wide`` says
whether this one does. A code is 1 to 10 for a digit, 33 to 58 for a letter of either case; the top bit says that a byte
is neither, the bit below it that the byte must be decoded. The idea of a table for each place and a bit for each
bucket of beginnings: Qiu et al., "Teddy", in Hyperscan, NSDI 2019.
"""

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from retrieval.lanes import FEATURES, LANES, LONG, WORD, Block, called, every

NONE, SLASH, CALM, LEAD, MUTE = 0x80, 0xC0 | 11, 0xC0 | 12, 0xC0 | 13, 0xC0 | 14
CALM_BIT, OPEN_BIT = 0x40, 0x80  # of a first letter's row: lead bytes that begin nothing behind a letter; all others
DEEP: Final = 4  # letters of a form that are compared at once
_types: Any = types


def _intrinsic(body: Callable[..., Any]) -> Any:
    return intrinsic(body)


def wide() -> bool:
    """Whether this processor has what the loops over codes need."""
    return {"avx512bw", "avx512vbmi", "bmi2", "popcnt"} <= FEATURES


def code_of(letter: int) -> int:
    """Return the code of a folded ASCII letter or digit."""
    return letter & 63 if letter >= 64 else letter - 47


def _long(value: int) -> Any:
    return ir.Constant(LONG, value)


def _mask(builder: Any, relation: str, lanes: Any, value: int) -> Any:
    """Compare lanes with a value: with sign for "<", without for "ult"."""
    compare = builder.icmp_signed if relation == "<" else builder.icmp_unsigned
    return builder.bitcast(compare(relation.replace("ult", "<"), lanes, every(value)), LONG)


def _permuted(builder: Any, table: Any, index: Any) -> Any:
    """Look the low six bits of each lane up."""
    return called(builder, "llvm.x86.avx512.permvar.qi.512", LANES, table, index)


@_intrinsic
def code_at(typing: Any, block: Any, at: Any, classes: Any, codes: Any, to: Any) -> Any:
    """Write the codes of the 64 bytes at ``at``; ``classes`` holds those of 128 bytes, then those of 64 lead bytes."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        text, rows, out = (Block(context, builder, signature.args[n], values[n]) for n in (0, 2, 3))
        low, high, leads = (rows.lanes(_long(WORD * number), constant=True) for number in range(3))
        raw = text.lanes(values[1])
        clipped = builder.select(builder.icmp_unsigned("<", raw, every(128)), raw, every(128))
        plain = called(builder, "llvm.x86.avx512.vpermi2var.qi.512", LANES, low, clipped, high)
        lead = _permuted(builder, leads, raw)
        out.store(values[4], builder.select(builder.icmp_unsigned(">=", raw, every(0xC0)), lead, plain))
        return context.get_dummy_value()

    return _types.void(block, at, classes, codes, to), generate


class _Run:
    """What stands around 64 codes, and the buckets of beginnings that fit there."""

    def __init__(self, context: Any, builder: Any, signature: Any, values: Any) -> None:
        self._builder = builder
        self._codes, self._rows = (Block(context, builder, signature.args[n], values[n]) for n in (0, 2))
        self._at = values[1]

    def away(self, distance: int) -> Any:
        """Return the codes so many bytes later."""
        return self._codes.lanes(self._builder.add(self._at, _long(distance)))

    def slash(self, distance: int) -> Any:
        """Return a mask of the backslashes so many bytes later."""
        return _mask(self._builder, "==", self.away(distance), SLASH)

    def fitting(self, group: int) -> tuple[Any, Any]:
        """Return the buckets that fit, whatever stands before, and those that what stands before admits.

        Behind one separator the next letter must fit; behind two, and behind what must be decoded, nothing is asked.
        """
        build, first = self._builder, group * (1 + DEEP)
        rows = [self._rows.lanes(_long(WORD * (first + row)), constant=True) for row in range(1 + DEEP)]
        anything = every(0xFF)
        fits = anything
        for place in reversed(range(1, DEEP)):
            here = self.away(place)
            behind = _permuted(build, rows[1 + place], self.away(place + 1))
            skipped = build.select(build.icmp_unsigned("==", here, every(NONE)), behind, anything)
            both = build.and_(_permuted(build, rows[1 + place], here), fits)
            fits = build.select(build.icmp_signed("<", here, every(0)), skipped, both)
        fits = build.and_(_permuted(build, rows[1], self.away(0)), fits)
        return fits, build.and_(fits, _permuted(build, rows[0], self.away(-1)))


@_intrinsic
def fits_at(typing: Any, codes: Any, at: Any, tables: Any) -> Any:
    """Return as a mask of the 64 codes at ``at`` where a form may begin, in every group; and every backslash."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        _, admitted = _Run(context, builder, signature, values).fitting(0)
        return _mask(builder, "!=", admitted, 0)

    return _types.uint64(codes, at, tables), generate


@_intrinsic
def fits_twice_at(typing: Any, codes: Any, at: Any, tables: Any) -> Any:
    """Return what ``fits_at`` does, where a second set of buckets fits too."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        run = _Run(context, builder, signature, values)
        one, other = (_mask(builder, "!=", run.fitting(group)[1], 0) for group in range(2))
        return builder.and_(one, other)

    return _types.uint64(codes, at, tables), generate


@_intrinsic
def slashes_at(typing: Any, codes: Any, at: Any) -> Any:
    """Return a mask of the backslashes among 64 codes."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        codes = Block(context, builder, signature.args[0], values[0])
        return _mask(builder, "==", codes.lanes(values[1]), SLASH)

    return _types.uint64(codes, at), generate


@_intrinsic
def escaped_at(typing: Any, codes: Any, at: Any, tables: Any) -> Any:
    """Return where a form may begin among 64 codes where escapes are near: behind one everything may be a begin.

    A backslash counts where an escape of a letter may stand: not behind a letter when it spells a Latin letter.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        run = _Run(context, builder, signature, values)
        fits, admitted = run.fitting(0)
        behind = builder.or_(builder.or_(run.slash(-2), run.slash(-6)), run.slash(-12))
        slash = run.slash(0)
        spelled = builder.and_(slash, _mask(builder, "==", run.away(1), code_of(ord("u"))))
        latin = builder.and_(_mask(builder, "==", run.away(2), 1), _mask(builder, "==", run.away(3), 1))
        c_to_f = builder.sub(run.away(4), every(code_of(ord("c"))))
        latin = builder.and_(latin, _mask(builder, "ult", c_to_f, 4))
        within = builder.and_(builder.not_(_mask(builder, "<", run.away(-1), 0)), builder.not_(behind))
        opens = builder.and_(spelled, builder.not_(builder.and_(latin, within)))
        begins = builder.or_(_mask(builder, "!=", admitted, 0), builder.and_(_mask(builder, "!=", fits, 0), behind))
        return builder.or_(builder.and_(begins, builder.not_(slash)), opens)

    return _types.uint64(codes, at, tables), generate
