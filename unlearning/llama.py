"""The body of a Llama-type model on packed rows, forward and backward written out: same mathematics, fewer passes.

A stock model pads, runs a dozen elementwise kernels around each product and carries every token through its last layer.
Here no pad token is multiplied, elementwise work is done in place, and the last layer's feed-forward part sees only the
tokens whose successor counts. Equal to the stock model within rounding; tested so, forward and backward.

Shapes: `tokens` are all rows' tokens end to end, `kept` those asked for; `slots` count rectangles with their pads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from transformers import LlamaForCausalLM
from transformers.activations import SiLUActivation
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from unlearning.attention import attend, attend_alone, attend_back, attention_for
from unlearning.heads import BACK, Frame, first_heads, inner_heads, joined_matrix, kind_of, last_heads, parted_matrix
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
    words, word = ids.unique(return_inverse=True)
    return Frame(ids, kept, how, end, words, word, turns, config.rms_norm_eps, learning=torch.is_grad_enabled())


class _Body(torch.autograd.Function):
    """Embedding, layers and last norm as one node of the graph."""

    @staticmethod
    def forward(ctx: Any, frame: Frame, embedding: Any, *weights: Any) -> Any:
        layers = [weights[start : start + len(WEIGHTS)] for start in range(0, len(weights) - 1, len(WEIGHTS))]
        hidden, saved = embedding.index_select(0, frame.ids), []
        learning = frame.learning and any(ctx.needs_input_grad)
        for place, layer in enumerate(layers):
            kind = kind_of(place, len(layers))
            source = embedding.index_select(0, frame.words) if kind is first_heads else hidden
            hidden, kept = _layer(hidden, source, layer, frame=frame, kind=kind, learning=learning)
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
        embedding = torch.zeros(ctx.words) if ctx.needs_input_grad[1] else None
        for place in reversed(range(len(ctx.layers))):
            kind = kind_of(place, len(ctx.layers))
            grad, source, grads = _layer_back(grad, ctx.layers[place], ctx.saved.pop(), frame=frame, kind=kind)
            if kind is last_heads:
                grad = source.index_add_(0, frame.kept, grad)
            elif kind is inner_heads:
                grad += source
            elif embedding is not None:
                embedding.index_add_(0, frame.words, source)
            found[:0] = grads
        if embedding is not None:
            embedding.index_add_(0, frame.ids, grad)
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


def _layer(hidden: Any, source: Any, weights: Sequence[Any], *, frame: Frame, kind: Any, learning: bool) -> Any:
    """One decoder layer, whose heads come from `source`, and what its way back needs; it overwrites `hidden`."""
    middle, attention = _attention(hidden, source, weights[:5], frame=frame, kind=kind, learning=learning)
    if not learning:
        return _forward_alone(middle, weights[5:], eps=frame.eps), None
    result, forward = _forward(middle, weights[5:], eps=frame.eps)
    return result, (attention, forward)


def _attention(hidden: Any, source: Any, weights: Sequence[Any], *, frame: Frame, kind: Any, learning: bool) -> Any:
    """The attention part, and what its way back needs; in the last layer, only the kept tokens go on after it."""
    norm, query, key, value, out = weights
    last = kind is last_heads
    how = frame.end if last else frame.how
    joined = joined_matrix(query, key, value, frame)
    unit, scale = _norm(source, eps=frame.eps)
    parts = kind(unit, joined * norm, frame).index_select(0, how.slots.unfold)
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
    return middle.addmm_(soft * risen, down.t()), (inner, scale, opening, both, soft)


def _forward_alone(middle: Any, weights: Sequence[Any], *, eps: float) -> Any:
    """The same where nothing comes back: everything in place, a block of tokens at a time, so that caches hold it."""
    norm, gate, up, down = weights
    gate, up = (gate * norm).t(), (up * norm).t()
    for block in middle.split(BLOCK):
        inner, _ = _norm(block, eps=eps)
        block.addmm_(torch.nn.functional.silu(inner @ gate, inplace=True).mul_(inner @ up), down.t())
    return middle


def _layer_back(
    grad: Any, weights: Sequence[Any], saved: Any, *, frame: Frame, kind: Any
) -> tuple[Any, Any, list[Any]]:
    """Gradients of what came into the layer, of what its heads were made from, and of its weights."""
    norm, _, _, _, out, second, _, _, down = weights
    (unit, scale, joined, parts, odds, context), forward = saved
    middle_grad, forward_grads = _forward_back(grad, second, down, forward)
    middle_grad += grad
    out_grad = middle_grad.t() @ context
    heads_grad = attend_back(middle_grad @ out, parts, odds, how=frame.end if kind is last_heads else frame.how)
    unit_grad, joined_grad = BACK[kind](heads_grad, unit, joined, norm, frame)
    joined_grad, norm_grad = _weighed(joined_grad, joined, norm)
    grads = [norm_grad, *parted_matrix(joined_grad, frame), out_grad, *forward_grads]
    return middle_grad, _norm_back(unit_grad, unit, scale), grads


def _forward_back(grad: Any, norm: Any, down: Any, saved: Sequence[Any]) -> tuple[Any, list[Any]]:
    """Gradient of what came into the feed-forward part, and of its norm's weight and its three matrices."""
    # What is saved is written over: memory that a step has not touched for long costs more than what is done with it.
    inner, scale, opening, both, soft = saved
    opened, risen = both.chunk(2, dim=1)
    wide = soft * risen
    down_grad = grad.t() @ wide
    torch.mm(grad, down, out=wide)
    soft_grad = wide * risen
    torch.mul(wide, soft, out=risen)
    torch.ops.aten.silu_backward.grad_input(soft_grad, opened, grad_input=opened)
    opening_grad, norm_grad = _weighed(both.t() @ inner, opening, norm)
    return _norm_back(both @ (opening * norm), inner, scale), [norm_grad, *opening_grad.chunk(2), down_grad]
