"""An ONNX model whose fixed image size is made free, so that wide images need no square.

YOLOX's official files take squares, of which a 16:9 picture leaves 44% empty. Their networks are
convolutions, which work for other sizes as well: only the declared shapes forbid it. They are
replaced in the file's own encoding (protobuf), because the package ``onnx`` is not needed
otherwise. Field numbers are those of ``onnx.proto``.
"""

from collections.abc import Iterator
from typing import NamedTuple

_MODEL_GRAPH = 7
_GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO = 11, 12, 13
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TYPE_TENSOR = 1
_TENSOR_KIND, _TENSOR_SHAPE = 1, 2
_SHAPE_DIM = 1
_DIM_VALUE, _DIM_NAME = 1, 2
_FLOAT = 1
_VARINT, _BYTES = 0, 2  # of protobuf's wire types; 1 and 5 are numbers of 8 and 4 bytes


class _Field(NamedTuple):
    """A field of a message: its number, the whole of it, and its content if that is bytes."""

    number: int
    whole: memoryview
    content: memoryview


def freed(model: bytes, output: tuple[int | str, ...]) -> bytes:
    """Return a model of one image input [1, 3, height, width] with free height and width.

    Args:
        model: the file, which ONNX Runtime has accepted.
        output: the shape of its only output; names are free axes.

    Raises:
        ValueError: the encoding is broken, or there are several inputs or outputs.
    """
    parts: list[bytes | memoryview] = []
    for field in _fields(memoryview(model)):
        if field.number == _MODEL_GRAPH:
            parts.append(_field(_MODEL_GRAPH, _graph(field.content, output)))
        else:
            parts.append(field.whole)
    return b"".join(parts)


def _graph(graph: memoryview, output: tuple[int | str, ...]) -> bytes:
    shapes = {_GRAPH_INPUT: (1, 3, "height", "width"), _GRAPH_OUTPUT: output}
    parts: list[bytes | memoryview] = []
    for field in _fields(graph):
        if field.number in shapes:
            shape = shapes.pop(field.number)
            (name,) = (one.content for one in _fields(field.content) if one.number == _VALUE_NAME)
            parts.append(_field(field.number, _value(bytes(name), shape)))
        elif field.number in (_GRAPH_INPUT, _GRAPH_OUTPUT):
            raise ValueError("the model has several inputs or outputs")
        elif field.number != _GRAPH_VALUE_INFO:  # shapes between layers, which were inferred
            parts.append(field.whole)
    return b"".join(parts)


def _value(name: bytes, shape: tuple[int | str, ...]) -> bytes:
    """Return the declaration of a float tensor."""
    dims = b"".join(_field(_SHAPE_DIM, _dim(length)) for length in shape)
    kind = _varint(_TENSOR_KIND << 3 | _VARINT) + _varint(_FLOAT)
    tensor = _field(_TYPE_TENSOR, kind + _field(_TENSOR_SHAPE, dims))
    return _field(_VALUE_NAME, name) + _field(_VALUE_TYPE, tensor)


def _dim(length: int | str) -> bytes:
    if isinstance(length, int):
        return _varint(_DIM_VALUE << 3 | _VARINT) + _varint(length)
    return _field(_DIM_NAME, length.encode())


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))


def _fields(message: memoryview) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        start = at
        tag, at = _read_varint(message, at)
        begin = at
        match tag & 7:
            case 0:
                _, at = _read_varint(message, at)
            case 1:
                at += 8
            case 2:
                length, begin = _read_varint(message, at)
                at = begin + length
            case 5:
                at += 4
            case other:
                raise ValueError(f"protobuf has no wire type {other}")
        if at > len(message):
            raise ValueError("a field ends after its message")
        yield _Field(tag >> 3, message[start:at], message[begin:at])


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number at ``at``, and the place after it."""
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follow
            return value, at
        shift += 7
    raise ValueError("a number has no end")
