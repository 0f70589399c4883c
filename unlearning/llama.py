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

from unlearning.layout import Layout, Rectangle

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
    """What all layers share: index maps, rotation angles, sizes. `heads` ask, `groups` are asked."""

    ids: Any
    kept: Any
    rectangles: tuple[Rectangle, ...]
    unfold: Any
    fold: Any
    back: Any
    back_kept: Any
    again: tuple[Any, Any]
    masks: tuple[Any, ...]
    turns: Any
    heads: int
    groups: int
    size: int
    eps: float


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
    every = heads + 2 * groups
    parts = ((heads, 0), (groups, heads), (groups, heads + groups))
    back, other = layout.folding(heads=heads), layout.folding(heads=groups)
    area = sum(len(shape.rows) * shape.width for shape in layout.rectangles)
    starts = (0, area * heads, area * (heads + groups))
    return Frame(
        ids=ids,
        kept=kept,
        rectangles=layout.rectangles,
        unfold=torch.cat([layout.unfolding(heads=count, first=first, every=every) for count, first in parts]),
        fold=torch.cat([part + start for part, start in zip((back, other, other), starts, strict=True)], 1).flatten(),
        back=back.flatten(),
        back_kept=back[kept].flatten(),
        again=_again(layout, groups=groups, first=heads, every=every, starts=starts),
        masks=tuple(_mask(shape.width, heads // groups) for shape in layout.rectangles),
        turns=torch.complex(cos[0, :, None, : size // 2], sin[0, :, None, : size // 2]),
        heads=heads,
        groups=groups,
        size=size,
        eps=config.rms_norm_eps,
    )


def _again(layout: Layout, *, groups: int, first: int, every: int, starts: Sequence[int]) -> tuple[Any, Any]:
    """Keys and values of a shared beginning are shown in several rows: those slots, and whose gradient they add to."""
    slot, token = layout.repeated(heads=groups)
    whose = token[:, None] * every + first + torch.arange(groups)
    return torch.cat((slot + starts[1], slot + starts[2])).flatten(), torch.cat((whose, whose + groups)).flatten()


def _mask(width: int, repeated: int) -> Any:
    return torch.full((width, width), float("-inf")).triu(1).repeat(repeated, 1)


class _Body(torch.autograd.Function):
    """Embedding, layers and last norm as one node of the graph."""

    @staticmethod
    def forward(ctx: Any, frame: Frame, embedding: Any, *weights: Any) -> Any:
        layers = [weights[start : start + len(WEIGHTS)] for start in range(0, len(weights) - 1, len(WEIGHTS))]
        hidden, saved, learning = embedding.index_select(0, frame.ids), [], any(ctx.needs_input_grad)
        for place, layer in enumerate(layers):
            hidden, kept = _layer(hidden, layer, frame=frame, last=place == len(layers) - 1)
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

    So a pair of numbers is turned as one complex number, in one pass; scores do not see an order that both share.
    """
    pairs = [
        part.view(-1, 2, frame.size // 2, part.shape[1]).transpose(1, 2).reshape(part.shape) for part in (query, key)
    ]
    return torch.cat((*pairs, value))


def _parted(joined: Any, frame: Frame) -> list[Any]:
    """The three gradients, with halves back in their places."""
    ends = [frame.heads * frame.size, frame.groups * frame.size, frame.groups * frame.size]
    query, key, value = joined.split(ends)
    pairs = [
        part.view(-1, frame.size // 2, 2, part.shape[1]).transpose(1, 2).reshape(part.shape) for part in (query, key)
    ]
    return [*pairs, value]


def _turn(joined: Any, turns: Any, frame: Frame) -> None:
    """Rotary positions on the queries and keys among `(tokens, all heads·size)`, in place."""
    both = joined[:, : (frame.heads + frame.groups) * frame.size]
    pairs = both.view(len(joined), frame.heads + frame.groups, frame.size // 2, 2)
    torch.view_as_complex(pairs).mul_(turns)


def _layer(hidden: Any, weights: Sequence[Any], *, frame: Frame, last: bool) -> tuple[Any, Any]:
    """One decoder layer; in the last, only the kept tokens go on after attention."""
    norm, query, key, value, out, second, gate, up, down = weights
    joined, opening = _joined(query, key, value, frame), torch.cat((gate, up))
    unit, scale = _norm(hidden, eps=frame.eps)
    heads = unit @ (joined * norm).t()
    _turn(heads, frame.turns, frame)
    parts = heads.view(-1, frame.size).index_select(0, frame.unfold)
    odds, context = _attend(parts, frame=frame)
    context = context.index_select(0, frame.back_kept if last else frame.back).view(-1, out.shape[1])
    middle = torch.addmm(hidden.index_select(0, frame.kept) if last else hidden, context, out.t())
    inner, second_scale = _norm(middle, eps=frame.eps)
    both = inner @ (opening * second).t()
    opened, risen = both.chunk(2, dim=1)
    soft = torch.nn.functional.silu(opened)
    mixed = soft * risen
    result = torch.addmm(middle, mixed, down.t())
    attention = (unit, scale, joined, parts, odds, context)
    return result, (attention, (inner, second_scale, opening, both, soft, mixed))


def _views(buffer: Any, *, frame: Frame) -> list[tuple[Any, Any, Any]]:
    """Query, key and value of each rectangle as views of the buffer: `(rows·groups, slots, size)`."""
    area = sum(len(shape.rows) * shape.width for shape in frame.rectangles)
    starts = [0, area * frame.heads, area * (frame.heads + frame.groups)]
    found = []
    for shape in frame.rectangles:
        views = []
        for place, heads in enumerate((frame.heads, frame.groups, frame.groups)):
            length = len(shape.rows) * shape.width * heads
            part = buffer[starts[place] : starts[place] + length]
            views.append(part.view(len(shape.rows) * frame.groups, -1, frame.size))
            starts[place] += length
        found.append((views[0], views[1], views[2]))
    return found


def _attend(parts: Any, *, frame: Frame) -> tuple[list[Any], Any]:
    """Attention weights of each rectangle, and what was gathered: `(slots, size)`."""
    weights, gathered = [], []
    for mask, (asked, keys, values) in zip(frame.masks, _views(parts, frame=frame), strict=True):
        odds = torch.baddbmm(mask, asked, keys.transpose(1, 2), alpha=frame.size**-0.5)
        weights.append(torch.softmax(odds, dim=-1))
        gathered.append(torch.bmm(weights[-1], values).view(-1, frame.size))
    return weights, torch.cat(gathered)


def _layer_back(grad: Any, weights: Sequence[Any], saved: Any, *, frame: Frame, last: bool) -> tuple[Any, list[Any]]:
    norm, _, _, _, out, second, _, _, down = weights
    (unit, scale, joined, parts, odds, context), forward = saved
    middle_grad, forward_grads = _forward_back(grad, second, down, forward)
    middle_grad += grad
    out_grad = middle_grad.t() @ context
    heads_grad = _attend_back(middle_grad @ out, parts, odds, frame=frame, last=last)
    joined_grad, norm_grad = _weighed(heads_grad.t() @ unit, joined, norm)
    hidden_grad = _norm_back(heads_grad @ (joined * norm), unit, scale)
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


def _attend_back(grad: Any, parts: Any, odds: Sequence[Any], *, frame: Frame, last: bool) -> Any:
    """Gradient of query, key and value as projected, packed: `(tokens, (heads + 2 groups)·size)`."""
    found, start = torch.empty_like(parts), 0
    spread = torch.zeros(sum(weight.shape[0] * weight.shape[1] for weight in odds), frame.size)
    spread.index_copy_(0, frame.back_kept if last else frame.back, grad.view(-1, frame.size))
    scale = frame.size**-0.5
    pairs = zip(odds, _views(parts, frame=frame), _views(found, frame=frame), strict=True)
    for weight, (asked, keys, values), (asked_grad, key_grad, value_grad) in pairs:
        piece = spread[start : start + weight.shape[0] * weight.shape[1]].view(asked.shape)
        start += weight.shape[0] * weight.shape[1]
        torch.bmm(weight.transpose(1, 2), piece, out=value_grad)
        score = torch.bmm(piece, values.transpose(1, 2))
        score = torch.ops.aten._softmax_backward_data(score, weight, -1, torch.float32).mul_(scale)
        torch.bmm(score, keys, out=asked_grad)
        torch.bmm(score.transpose(1, 2), asked, out=key_grad)
    folded, (slots, whose) = found.index_select(0, frame.fold), frame.again
    if len(slots):
        folded.index_add_(0, whose, found.index_select(0, slots))
    heads = folded.view(len(frame.ids), -1)
    _turn(heads, frame.turns.conj(), frame)
    return heads
