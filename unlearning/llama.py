"""The body of a Llama-type model on packed rows, forward and backward written out: same mathematics, fewer passes.

A stock model pads, runs a dozen elementwise kernels around each product and carries every token through its last layer.
Here no pad token is multiplied, elementwise work is done in place, and the last layer's feed-forward part sees only the
tokens whose successor counts. Equal to the stock model within rounding; tested so, forward and backward.

Shapes: `tokens` are all rows' tokens end to end, `kept` those asked for; `slots` count rectangles with their pads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from transformers import LlamaForCausalLM
from transformers.activations import SiLUActivation
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from unlearning.attention import Attention, attend, attend_alone, attend_back, attention_for
from unlearning.layout import Layout

BLOCK = 512  # tokens whose feed-forward part is computed at once where nothing is learned
WIDEST = 320  # longer rows leave the explicit attention: its memory grows with the square
LINEAR = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
FORWARD = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
WEIGHTS = ("input_layernorm", *LINEAR, "post_attention_layernorm", *FORWARD)


def suits(model: Any, layout: Layout) -> bool:
    """Whether `hidden_at` can stand for the model on these rows: a plain one, and none too long."""
    return layout.width <= WIDEST and plain(model)


def plain(model: Any) -> bool:
    """Whether the model is a plain Llama in float32 on the CPU, nothing hooked in or replaced."""
    if type(model) is not LlamaForCausalLM or torch.is_autocast_enabled("cpu"):
        return False
    config = model.config
    if config._attn_implementation not in ("sdpa", "eager") or config.hidden_act != "silu":
        return False
    if config.attention_bias or config.mlp_bias or (model.training and config.attention_dropout):
        return False
    return all(_plain(name, module) for name, module in model.named_modules())


def _plain(name: str, module: Any) -> bool:
    hooked = module._forward_hooks or module._forward_pre_hooks or module._backward_hooks
    weight = getattr(module, "weight", None)
    fits = weight is None or (weight.dtype is torch.float32 and weight.device.type == "cpu")
    kind = type(module)
    if name.endswith("_proj"):
        return bool(fits and not hooked and kind is torch.nn.Linear)
    if name.endswith("norm"):
        return bool(fits and not hooked and kind is LlamaRMSNorm)
    return bool(fits and not hooked and (not name.endswith("act_fn") or kind is SiLUActivation))


@dataclass(frozen=True)
class Frame:
    """What all layers share: the tokens, those kept, who sees whom, rotation angles."""

    ids: Any
    kept: Any
    how: Attention
    end: Attention  # of the last layer, where only the tokens kept ask
    turns: Any
    eps: float
    learning: bool  # whether gradients will be asked for: autograd does not tell inside a node of its own


def hidden_at(model: Any, ids: Any, *, layout: Layout, kept: Any) -> Any:
    """Normalised last hidden states of the tokens `kept`: `(kept, width)`; `ids` are packed: `(tokens,)`."""
    body = model.model
    weights = [layer.get_submodule(name).weight for layer in body.layers for name in WEIGHTS]
    frame = _frame(model, ids, layout=layout, kept=kept)
    return _Body.apply(frame, body.embed_tokens.weight, *weights, body.norm.weight)


def _frame(model: Any, ids: Any, *, layout: Layout, kept: Any) -> Frame:
    config = model.config
    heads, groups = config.num_attention_heads, config.num_key_value_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    cos, sin = model.model.rotary_emb(model.model.embed_tokens.weight[:1, None], layout.positions)
    turns = torch.complex(cos[0, :, None, : size // 2], sin[0, :, None, : size // 2])
    how = attention_for(layout, heads=heads, groups=groups, size=size)
    end = attention_for(layout, heads=heads, groups=groups, size=size, kept=kept)
    return Frame(ids, kept, how, end, turns, config.rms_norm_eps, learning=torch.is_grad_enabled())


class _Body(torch.autograd.Function):
    """Embedding, layers and last norm as one node of the graph."""

    @staticmethod
    def forward(ctx: Any, frame: Frame, embedding: Any, *weights: Any) -> Any:
        layers = [weights[start : start + len(WEIGHTS)] for start in range(0, len(weights) - 1, len(WEIGHTS))]
        hidden, saved = embedding.index_select(0, frame.ids), []
        learning = frame.learning and any(ctx.needs_input_grad)
        for place, layer in enumerate(layers):
            hidden, kept = _layer(hidden, layer, frame=frame, last=place == len(layers) - 1, learning=learning)
            if learning:
                saved.append(kept)
        unit, scale = _norm(hidden, eps=frame.eps)
        if learning:
            ctx.frame, ctx.layers, ctx.saved, ctx.end = frame, layers, saved, (unit, scale, weights[-1])
            ctx.words = embedding.shape
        return unit * weights[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Any) -> Any:
        frame: Frame = ctx.frame
        unit, scale, weight = ctx.end
        found: list[Any] = [(grad * unit).sum(0)]
        grad = _norm_back(grad * weight, unit, scale)
        for place in reversed(range(len(ctx.layers))):
            last = place == len(ctx.layers) - 1
            grad, grads = _layer_back(grad, ctx.layers[place], ctx.saved.pop(), frame=frame, last=last)
            found[:0] = grads
        embedding = torch.zeros(ctx.words).index_add_(0, frame.ids, grad) if ctx.needs_input_grad[1] else None
        return (None, embedding, *found)


def _norm(hidden: Any, *, eps: float) -> tuple[Any, Any]:
    """Hidden states over their root mean square, and the factor `(tokens, 1)`; the norm's weight is in what follows."""
    length = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True)
    scale = length.square_().div_(hidden.shape[-1]).add_(eps).rsqrt_()
    return hidden * scale, scale


def _norm_back(grad: Any, unit: Any, scale: Any) -> Any:
    """Gradient of the hidden states from that of `unit`, which it overwrites."""
    along = (grad * unit).sum(-1, keepdim=True).div_(-unit.shape[-1])
    return grad.addcmul_(unit, along).mul_(scale)


def _weighed(grad: Any, matrix: Any, norm: Any) -> tuple[Any, Any]:
    """Gradients of a matrix and of the norm's weight its columns were multiplied with."""
    return grad * norm, (grad * matrix).sum(0)


def _joined(query: Any, key: Any, value: Any, frame: Frame) -> Any:
    """The three projections as one matrix, each query and key head's halves interleaved: `(all heads·size, width)`.

    So a pair of numbers is turned as one complex number, in one pass; scores do not see an order that both share. The
    queries' part holds the scale of the scores.
    """
    pairs = [
        part.view(-1, 2, frame.how.size // 2, part.shape[1]).transpose(1, 2).reshape(part.shape)
        for part in (query, key)
    ]
    pairs[0] *= frame.how.size**-0.5
    return torch.cat((*pairs, value))


def _parted(joined: Any, frame: Frame) -> list[Any]:
    """The three gradients, with halves back in their places."""
    ends = [frame.how.heads * frame.how.size, frame.how.groups * frame.how.size, frame.how.groups * frame.how.size]
    query, key, value = joined.split(ends)
    pairs = [
        part.view(-1, frame.how.size // 2, 2, part.shape[1]).transpose(1, 2).reshape(part.shape)
        for part in (query, key)
    ]
    pairs[0] *= frame.how.size**-0.5
    return [*pairs, value]


def _turn(heads: Any, turns: Any, *, size: int, count: int) -> None:
    """Rotary positions on the first `count` heads of each token `(tokens, heads · size)`, in place."""
    pairs = heads[:, : count * size].view(len(heads), count, size // 2, 2)
    torch.view_as_complex(pairs).mul_(turns)


def _heads(unit: Any, matrix: Any, frame: Frame) -> Any:
    """Queries, keys and values of all tokens, turned: `(heads, size)`."""
    how = frame.how
    found = unit @ matrix.t()
    _turn(found, frame.turns, size=how.size, count=how.heads + how.groups)
    return found.view(-1, how.size)


def _heads_back(grad: Any, unit: Any, joined: Any, norm: Any, frame: Frame) -> tuple[Any, Any]:
    """Gradients of `unit` and of what it was multiplied with, from that of `_heads`."""
    how = frame.how
    grad = grad.view(len(unit), -1)
    _turn(grad, frame.turns.conj(), size=how.size, count=how.heads + how.groups)
    return grad @ (joined * norm), grad.t() @ unit


def _last_heads(unit: Any, matrix: Any, frame: Frame) -> Any:
    """The same where only the tokens kept ask: their queries, then keys and values of all: `(heads, size)`."""
    found = unit.new_empty(frame.end.slots.every, frame.how.size)
    asked, shown = _halves(found, frame)
    ends = asked.shape[1]
    torch.mm(unit.index_select(0, frame.kept), matrix[:ends].t(), out=asked)
    torch.mm(unit, matrix[ends:].t(), out=shown)
    _turn_halves(asked, shown, frame.turns, frame)
    return found


def _last_heads_back(grad: Any, unit: Any, joined: Any, norm: Any, frame: Frame) -> tuple[Any, Any]:
    """Gradients of `unit` and of what it was multiplied with, from that of `_last_heads`."""
    asked, shown = _halves(grad, frame)
    _turn_halves(asked, shown, frame.turns.conj(), frame)
    ends, matrix, found = asked.shape[1], joined * norm, torch.empty_like(joined)
    torch.mm(asked.t(), unit.index_select(0, frame.kept), out=found[:ends])
    torch.mm(shown.t(), unit, out=found[ends:])
    return (shown @ matrix[ends:]).index_add_(0, frame.kept, asked @ matrix[:ends]), found


def _halves(heads: Any, frame: Frame) -> tuple[Any, Any]:
    """Views of the last layer's heads: queries `(kept, …)`, keys and values `(tokens, …)`."""
    asked = len(frame.kept) * frame.how.heads
    return heads[:asked].view(len(frame.kept), -1), heads[asked:].view(len(frame.ids), -1)


def _turn_halves(asked: Any, shown: Any, turns: Any, frame: Frame) -> None:
    _turn(asked, turns[frame.kept], size=frame.how.size, count=frame.how.heads)
    _turn(shown, turns, size=frame.how.size, count=frame.how.groups)


def _layer(hidden: Any, weights: Sequence[Any], *, frame: Frame, last: bool, learning: bool) -> tuple[Any, Any]:
    """One decoder layer, and what its way back needs; it overwrites `hidden`, and the last keeps few tokens."""
    middle, attention = _attention(hidden, weights[:5], frame=frame, last=last, learning=learning)
    if not learning:
        return _forward_alone(middle, weights[5:], eps=frame.eps), None
    result, forward = _forward(middle, weights[5:], eps=frame.eps)
    return result, (attention, forward)


def _attention(hidden: Any, weights: Sequence[Any], *, frame: Frame, last: bool, learning: bool) -> tuple[Any, Any]:
    """The attention part; in the last layer, only the kept tokens go on after it."""
    norm, query, key, value, out = weights
    joined = _joined(query, key, value, frame)
    unit, scale = _norm(hidden, eps=frame.eps)
    how = frame.end if last else frame.how
    heads = (_last_heads if last else _heads)(unit, joined * norm, frame)
    parts = heads.index_select(0, how.slots.unfold)
    odds, context = attend(parts, how=how) if learning else (None, attend_alone(parts, how=how))
    context = context.index_select(0, how.slots.back).view(-1, out.shape[1])
    middle = (hidden.index_select(0, frame.kept) if last else hidden).addmm_(context, out.t())
    return middle, (unit, scale, joined, parts, odds, context)


def _forward(middle: Any, weights: Sequence[Any], *, eps: float) -> tuple[Any, Any]:
    """The feed-forward part, added to `middle`, with what its way back needs."""
    norm, gate, up, down = weights
    opening = torch.cat((gate, up))
    inner, scale = _norm(middle, eps=eps)
    both = inner @ (opening * norm).t()
    opened, risen = both.chunk(2, dim=1)
    soft = torch.nn.functional.silu(opened)
    mixed = soft * risen
    return middle.addmm_(mixed, down.t()), (inner, scale, opening, both, soft, mixed)


def _forward_alone(middle: Any, weights: Sequence[Any], *, eps: float) -> Any:
    """The same where nothing comes back: everything in place, a block of tokens at a time, so that caches hold it."""
    norm, gate, up, down = weights
    gate, up = (gate * norm).t(), (up * norm).t()
    for block in middle.split(BLOCK):
        inner, _ = _norm(block, eps=eps)
        block.addmm_(torch.nn.functional.silu(inner @ gate, inplace=True).mul_(inner @ up), down.t())
    return middle


def _layer_back(grad: Any, weights: Sequence[Any], saved: Any, *, frame: Frame, last: bool) -> tuple[Any, list[Any]]:
    norm, _, _, _, out, second, _, _, down = weights
    (unit, scale, joined, parts, odds, context), forward = saved
    middle_grad, forward_grads = _forward_back(grad, second, down, forward)
    middle_grad += grad
    out_grad = middle_grad.t() @ context
    heads_grad = attend_back(middle_grad @ out, parts, odds, how=frame.end if last else frame.how)
    unit_grad, joined_grad = (_last_heads_back if last else _heads_back)(heads_grad, unit, joined, norm, frame)
    joined_grad, norm_grad = _weighed(joined_grad, joined, norm)
    hidden_grad = _norm_back(unit_grad, unit, scale)
    if last:
        hidden_grad.index_add_(0, frame.kept, middle_grad)
    else:
        hidden_grad += middle_grad
    return hidden_grad, [norm_grad, *_parted(joined_grad, frame), out_grad, *forward_grads]


def _forward_back(grad: Any, norm: Any, down: Any, saved: Sequence[Any]) -> tuple[Any, list[Any]]:
    """Gradient of what came into the feed-forward part, and of its norm's weight and its three matrices."""
    inner, scale, opening, both, soft, mixed = saved
    down_grad = grad.t() @ mixed
    wide, found = grad @ down, torch.empty_like(both)
    (opened, risen), (opened_grad, risen_grad) = both.chunk(2, dim=1), found.chunk(2, dim=1)
    torch.mul(wide, soft, out=risen_grad)
    torch.ops.aten.silu_backward.grad_input(wide.mul_(risen), opened, grad_input=opened_grad)
    opening_grad, norm_grad = _weighed(found.t() @ inner, opening, norm)
    return _norm_back(found @ (opening * norm), inner, scale), [norm_grad, *opening_grad.chunk(2), down_grad]
