"""Whisper with weights of 8 bits, for the CPU.

The weights of all linear layers are rounded to 8 bits, with one scale a row; their inputs
are rounded at run time (dynamic quantisation). Embeddings, convolutions and
norms stay in floating point. https://docs.pytorch.org/docs/stable/quantization.html
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LARGEST = 127
_SCALE = ".scale"


def write(source: Path, target: Path) -> None:
    """Write the 8-bit version of a Whisper checkpoint, about half of its size in fp16."""
    import torch  # noqa: PLC0415 - takes seconds to import

    checkpoint = torch.load(source, map_location="cpu", weights_only=True)
    state = {}
    with torch.inference_mode():
        linear = {name for name, _ in _linears(_empty(checkpoint["dims"]))}
        for name, tensor in checkpoint["model_state_dict"].items():
            layer, _, kind = name.rpartition(".")
            if layer in linear and kind == "weight":
                scale = tensor.float().abs().amax(1).clamp(min=1e-12) / _LARGEST
                state[name] = (tensor.float() / scale[:, None]).round().to(torch.int8)
                state[name + _SCALE] = scale
            else:
                state[name] = tensor.half()
    torch.save({"dims": checkpoint["dims"], "model_state_dict": state}, target)


def load(path: Path) -> Any:
    """Load the ``whisper.Whisper`` of a file that ``write`` made."""
    import torch  # noqa: PLC0415 - see above

    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    state = checkpoint["model_state_dict"]
    model = _empty(checkpoint["dims"])
    layers = {}
    for name, _ in list(_linears(model)):
        weight, scale = state.pop(f"{name}.weight"), state.pop(f"{name}.weight{_SCALE}")
        layers[name] = _quantised(weight, scale, state.pop(f"{name}.bias", None))
        _put(model, name, torch.nn.Identity())
    model.load_state_dict(state)  # strict: the rest must match exactly
    for name, layer in layers.items():
        _put(model, name, layer)
    return model.eval()


def _put(model: Any, name: str, layer: Any) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, layer)


def _quantised(weight: Any, scale: Any, bias: Any) -> Any:
    """Return a linear layer of int8 weight (out, in) and fp32 scale (out)."""
    import torch  # noqa: PLC0415 - see above
    from torch.ao.nn.quantized import dynamic  # noqa: PLC0415 - see above

    rows, columns = weight.shape
    linear: Any = dynamic.Linear
    with warnings.catch_warnings():
        # Quantised tensors are deprecated, but the only 8-bit kernel on the CPU needs them.
        warnings.simplefilter("ignore", UserWarning)
        layer = linear(columns, rows, bias_=bias is not None)
        nothing = torch.zeros(rows, dtype=torch.int64)
        packed = torch._make_per_channel_quantized_tensor(weight, scale.double(), nothing, 0)  # noqa: SLF001 - torch has no other way from integers
        layer.set_weight_bias(packed, None if bias is None else bias.float())
    return layer


def _empty(dims: dict[str, int]) -> Any:
    from whisper.model import ModelDimensions, Whisper  # noqa: PLC0415 - see above

    return Whisper(ModelDimensions(**dims))


def _linears(model: Any) -> Iterator[tuple[str, Any]]:
    from whisper.model import Linear  # noqa: PLC0415 - see above

    return ((name, one) for name, one in model.named_modules() if isinstance(one, Linear))
