"""See the attention of any plain ViT from the outside, with no code for any architecture.

A `TorchFunctionMode` catches each call of `scaled_dot_product_attention` with its exact arguments and, in hand-written
attention, each softmax and the matrix products around it. To which layer a call belongs, the hooks say.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..layout import innermost
from ._attention import SDPA, AttentionBlock, AttentionCall, Place, blocks_of
from ._forward import Forward, Layer
from ._hooks import hooks
from ._proof import SAMPLE, require_rows_of_one, require_same_output

_SOFTMAX = {"softmax", "special_softmax"}
_PRODUCT = {"matmul", "__matmul__", "bmm", "einsum"}
_open_taps: ContextVar[int] = ContextVar("taps open in this thread", default=0)


class Watch(TorchFunctionMode):
    """Hands the attention of the running block to the forward pass's sink.

    Args:
        forward: where the model is.
        nested: another tap is open and has to see the same calls.
    """

    def __init__(self, forward: Forward, *, nested: bool) -> None:
        super().__init__()
        self.forward = forward
        self.nested = nested

    def __torch_function__(
        self, func: Callable, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        layer = self.forward.layer
        if layer is None and func is F.conv2d:
            self.forward.see_images(args[0], sure=False)
        if layer is None or not self.forward.needs_attention:
            return func(*args, **kwargs)
        if func is SDPA:
            return self._fused(layer, func, args, kwargs)
        if func is F.multi_head_attention_forward:
            return self._packed(layer, func, args, kwargs)
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name in _SOFTMAX:
            self._softmax(layer, result)
        elif name in _PRODUCT:
            self._product(layer, name, args, result)
        return result

    def _fused(self, layer: Layer, func: Callable, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
        _require_first(layer)
        call = AttentionCall.of(*map(_autocast, args), **{name: _autocast(value) for name, value in kwargs.items()})
        if (call.q.shape[0], call.q.shape[2]) != (layer.batch, layer.tokens):
            raise ValueError(
                f"{layer.name} was given {layer.batch} x {layer.tokens} (batch token), but attends in "
                f"{call.q.shape[0]} x {call.q.shape[2]}: attention inside windows, or tokens in front of the batch "
                "(batch_first=False), cannot be tapped"
            )
        if "attention" not in self.forward.sink.points:
            output = func(*args, **kwargs)
        else:
            output = func(*args, **kwargs) if self.nested or func is not SDPA else None
            with torch._C.DisableTorchFunction(), exact_products(call.q.device):
                output = self._attend(layer, call, output)
        self.forward.attended(layer, call.q, call.k, call.v, output)
        return output

    def _attend(self, layer: Layer, call: AttentionCall, output: Tensor | None) -> Tensor:
        """A V of the call, from the same weights that the sink is given, unless the model has it already."""
        new = output is None
        proven = layer.index in self.forward.proven
        output = call.empty_output() if output is None else output
        sink = self.forward.sink

        def used(block: AttentionBlock) -> tuple[Place, Tensor | None, Any]:
            assert block.product is not None
            if not proven and block.first_of_heads:
                require_rows_of_one(block.weights, layer.name)
            if new:
                output[block.images, block.heads, block.queries] = block.product
            product = None if proven or new else block.product
            return block.place, product, sink.read(dataclasses.replace(block, weights=block.weights.detach()))

        first: tuple[slice, Tensor] | None = (slice(None), output) if new else None
        for place, product, found in call.over_blocks(sink.budget, used):
            sink.attention(layer.index, place, found)
            first = first or (None if product is None else (place.heads, product))
        if not proven and first is not None:
            heads, rows = first
            require_same_output(rows[:1, :, :SAMPLE], call.first_rows(SAMPLE)[:, heads], layer.name)
        return output

    def _packed(
        self, layer: Layer, func: Callable, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Tensor, Tensor | None]:
        """torch's MultiheadAttention: no mode sees its inner call, so that is led here for the moment."""
        attend = F.scaled_dot_product_attention

        def inner(*inner_args: Any, **inner_kwargs: Any) -> Tensor:
            return self._fused(layer, attend, inner_args, inner_kwargs)

        F.scaled_dot_product_attention = inner
        try:
            output, _ = func(*args, **{**kwargs, "need_weights": False})
        finally:
            F.scaled_dot_product_attention = attend
        return output, func(*args, **kwargs)[1] if kwargs.get("need_weights", True) else None

    def _softmax(self, layer: Layer, weights: Tensor) -> None:
        if weights.ndim >= 3 and weights.shape[-2:] == (layer.tokens, layer.tokens):
            _require_first(layer)
            layer.weights = _per_head(weights.detach(), layer)

    def _product(self, layer: Layer, name: str, args: Sequence[Any], result: Tensor) -> None:
        left, right = _operands(name, args)
        square = (layer.tokens, layer.tokens)
        if layer.attended or left is None or right is None:
            return
        if layer.weights is None and result.ndim >= 3 and result.shape[-2:] == square:
            layer.product = (left, right if name == "einsum" else right.transpose(-1, -2))
        elif layer.weights is not None and left.ndim >= 3 and left.shape[-2:] == square:
            with torch._C.DisableTorchFunction():
                self._unfused(layer, layer.weights, right, result)

    def _unfused(self, layer: Layer, weights: Tensor, value: Tensor, output: Tensor) -> None:
        """The model's own softmax and A V."""
        value, output = _per_head(value.detach(), layer), _per_head(output.detach(), layer)
        if layer.index not in self.forward.proven:
            require_rows_of_one(weights, layer.name)
            expected = weights[:1, :, :SAMPLE].to(value.dtype) @ value[:1]
            require_same_output(expected, output[:1, :, :SAMPLE], layer.name)
        if "attention" in self.forward.sink.points:
            exact = weights if weights.dtype == torch.float64 else weights.float()
            sink = self.forward.sink
            for block in blocks_of(exact, sink.budget):
                sink.attention(layer.index, block.place, sink.read(block))
        query, key = (_per_head(part, layer) for part in layer.product) if layer.product else (None, None)
        layer.weights = layer.product = None
        self.forward.attended(layer, query, key, value, output)


@contextlib.contextmanager
def watching(model: nn.Module, blocks: Sequence[nn.Module], forward: Forward) -> Iterator[None]:
    """Watch a model; whatever happens inside, it is left as it was."""
    with contextlib.ExitStack() as stack:
        token = _open_taps.set(_open_taps.get() + 1)
        stack.callback(_open_taps.reset, token)
        for handle in hooks(innermost(model), blocks, forward):
            stack.callback(handle.remove)
        if "torch._dynamo" in sys.modules:  # before this module is there nothing can have been compiled
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(Watch(forward, nested=_open_taps.get() > 1))
        yield


@contextlib.contextmanager
def exact_products(device: torch.device) -> Iterator[None]:
    """Matrix products without autocast and, on a GPU, without TF32."""
    with torch.autocast(device.type, enabled=False):
        if device.type != "cuda":
            yield
            return
        matmul: Any = torch.backends.cuda.matmul
        name, exact = ("fp32_precision", "ieee") if hasattr(matmul, "fp32_precision") else ("allow_tf32", False)
        before = getattr(matmul, name)
        setattr(matmul, name, exact)
        try:
            yield
        finally:
            setattr(matmul, name, before)


def _require_first(layer: Layer) -> None:
    if layer.attended or layer.weights is not None:
        raise ValueError(f"{layer.name} attends more than once, so which of the maps is meant cannot be told")


def _operands(name: str, args: Sequence[Any]) -> tuple[Tensor | None, Tensor | None]:
    """The two factors of a matrix product, or None where it is no product of two tensors."""
    factors = args[1:] if name == "einsum" else args
    if len(factors) == 1 and isinstance(factors[0], tuple | list):
        factors = factors[0]
    if len(factors) != 2 or not all(isinstance(factor, Tensor) for factor in factors):
        return None, None
    return factors[0], factors[1]


def _per_head(tensor: Tensor, layer: Layer) -> Tensor:
    """(batch head ...) of a tensor that may hold batch and heads as one axis, as torch.bmm wants it."""
    if tensor.ndim == 4 and tensor.shape[0] == layer.batch:
        return tensor
    if tensor.ndim == 3 and tensor.shape[0] % layer.batch == 0:
        return tensor.unflatten(0, (layer.batch, -1))
    raise ValueError(
        f"{layer.name}: attention with a factor of shape {tuple(tensor.shape)} is neither (batch head ...) nor "
        f"(batch*head ...) for a batch of {layer.batch}"
    )


def _autocast(value: Any) -> Any:
    """A tensor as autocast would hand it to the attention kernel."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return value
    device = value.device.type
    return value.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else value
