"""Letters laid side by side, sixty-four bytes at a time: what the bytes are as masks, and the letters among them.

Needs a processor that packs chosen bytes of sixty-four together (x86-64 with AVX-512 VBMI2): ``packs`` says whether
this one does.
"""

from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from retrieval.lanes import FEATURES, LANES, LONG, WORD, Block, called, every

_BITS: Final = ir.VectorType(ir.IntType(1), WORD)
_types: Any = types
_code: Any = cgutils


def _intrinsic(body: Callable[..., Any]) -> Any:
    return intrinsic(body)


def packs() -> bool:
    """Whether this processor has what the loops over packed letters need."""
    return {"avx512bw", "avx512vbmi2", "bmi2", "popcnt"} <= FEATURES


@_intrinsic
def letters_at(typing: Any, block: Any, at: Any) -> Any:
    """Return, as masks of the 64 bytes at ``at``: ASCII letters, digits, no ASCII, backslashes."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        raw = Block(context, builder, signature.args[0], values[0]).lanes(values[1])

        def within(lanes: Any, first: str, count: int) -> Any:
            return builder.icmp_unsigned("<", builder.sub(lanes, every(ord(first))), every(count))

        folded = builder.or_(raw, every(32))
        lanes = [within(folded, "a", 26), within(raw, "0", 10), builder.icmp_signed("<", raw, every(0))]
        masks = [*lanes, builder.icmp_unsigned("==", raw, every(ord("\\")))]
        return _code.pack_array(builder, [builder.bitcast(mask, LONG) for mask in masks])

    return _types.UniTuple(_types.uint64, 4)(block, at), generate


@_intrinsic
def pack(typing: Any, block: Any, at: Any, mask: Any, out: Any, to: Any) -> Any:
    """Write the masked ones of the 64 bytes at ``at`` side by side, folded; 64 bytes are written, zeros behind."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        text, into = (Block(context, builder, signature.args[n], values[n]) for n in (0, 3))
        folded = builder.or_(text.lanes(values[1]), every(32))
        chosen = builder.bitcast(values[2], _BITS)
        zeros = ir.Constant(LANES, [0] * WORD)
        packed = called(builder, "llvm.x86.avx512.mask.compress.v64i8", LANES, folded, zeros, chosen)
        into.store(values[4], packed)
        return context.get_dummy_value()

    return _types.void(block, at, mask, out, to), generate
