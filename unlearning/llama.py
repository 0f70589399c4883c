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
    """Whether `hidden_at` can stand for the model: plain Llama in float32 on the CPU, nothing hooked in or replaced."""
    if type(model) is not LlamaForCausalLM or layout.width > WIDEST or torch.is_autocast_enabled("cpu"):
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
        masks=tuple(_mask(shape.width, heads // groups) for shape in layout.rectangles),
        turns=torch.complex(cos[0, :, None, : size // 2], sin[0, :, None, : size // 2]),
        heads=heads,
        groups=groups,
        size=size,
        eps=config.rms_norm_eps,
    )


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
        result, scale = _norm(hidden, weights[-1], eps=frame.eps)
        if learning:
            ctx.frame, ctx.layers, ctx.saved, ctx.end = frame, layers, saved, (hidden, scale, weights[-1])
            ctx.words = embedding.shape
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Any) -> Any:
        frame: Frame = ctx.frame
        grad, last_norm = _norm_back(grad, *ctx.end)
        found: list[Any] = [last_norm]
        for place in reversed(range(len(ctx.layers))):
            last = place == len(ctx.layers) - 1
            grad, grads = _layer_back(grad, ctx.layers[place], ctx.saved.pop(), frame=frame, last=last)
            found[:0] = grads
        embedding = torch.zeros(ctx.words).index_add_(0, frame.ids, grad) if ctx.needs_input_grad[1] else None
        return (None, embedding, *found)


def _norm(hidden: Any, weight: Any, *, eps: float) -> tuple[Any, Any]:
    """Root-mean-square norm and the factor `(tokens, 1)` it multiplied with."""
    length = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True)
    scale = length.square_().div_(hidden.shape[-1]).add_(eps).rsqrt_()
    return (hidden * scale).mul_(weight), scale


def _norm_back(grad: Any, hidden: Any, scale: Any, weight: Any) -> tuple[Any, Any]:
    unit = hidden * scale
    each = grad * unit
    weight_grad = each.sum(0)
    along = torch.mv(each, weight)[:, None].div_(-hidden.shape[-1])
    return (grad * weight).addcmul_(unit, along).mul_(scale), weight_grad


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
    joined = _joined(query, key, value, frame)
    normed, scale = _norm(hidden, norm, eps=frame.eps)
    heads = normed @ joined.t()
    _turn(heads, frame.turns, frame)
    parts = heads.view(-1, frame.size).index_select(0, frame.unfold)
    odds, context = _attend(parts, frame=frame)
    context = context.index_select(0, frame.back_kept if last else frame.back).view(-1, out.shape[1])
    middle = torch.addmm(hidden.index_select(0, frame.kept) if last else hidden, context, out.t())
    inner, second_scale = _norm(middle, second, eps=frame.eps)
    opened, risen = inner @ gate.t(), inner @ up.t()
    soft = torch.nn.functional.silu(opened)
    mixed = soft * risen
    result = torch.addmm(middle, mixed, down.t())
    attention = (hidden, scale, normed, joined, parts, odds, context)
    return result, (attention, (middle, second_scale, inner, opened, risen, soft, mixed))


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
    norm, _, _, _, out, second, gate, up, down = weights
    (hidden, scale, normed, joined, parts, odds, context), (middle, second_scale, *forward) = saved
    inner_grad, forward_grads = _forward_back(grad, gate, up, down, forward)
    middle_grad, second_grad = _norm_back(inner_grad, middle, second_scale, second)
    middle_grad += grad
    out_grad = middle_grad.t() @ context
    heads_grad = _attend_back(middle_grad @ out, parts, odds, frame=frame, last=last)
    joined_grad = _parted(heads_grad.t() @ normed, frame)
    hidden_grad, norm_grad = _norm_back(heads_grad @ joined, hidden, scale, norm)
    if last:
        hidden_grad.index_add_(0, frame.kept, middle_grad)
    else:
        hidden_grad += middle_grad
    return hidden_grad, [norm_grad, *joined_grad, out_grad, second_grad, *forward_grads]


def _forward_back(grad: Any, gate: Any, up: Any, down: Any, saved: Sequence[Any]) -> tuple[Any, list[Any]]:
    inner, opened, risen, soft, mixed = saved
    down_grad = grad.t() @ mixed
    wide = grad @ down
    risen_grad = wide * soft
    opened_grad = torch.ops.aten.silu_backward(wide.mul_(risen), opened)
    inner_grad = torch.addmm(opened_grad @ gate, risen_grad, up)
    return inner_grad, [opened_grad.t() @ inner, risen_grad.t() @ inner, down_grad]


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
    heads = found.index_select(0, frame.fold).view(len(frame.ids), -1)
    _turn(heads, frame.turns.conj(), frame)
    return heads
