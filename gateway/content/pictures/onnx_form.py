"""How is a small network written in ONNX form? Law: only what MTCNN needs, as onnx.proto3 says.

ONNX is Protocol Buffers. Field numbers are those of `onnx/onnx.proto3`, IR version 8, opset 13. The
package `onnx` would be 20 MB for these hundred lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_FLOAT = 1
_ATTRIBUTE_INT, _ATTRIBUTE_STRING, _ATTRIBUTE_INTS = 2, 3, 7


@dataclass(frozen=True, slots=True)
class Node:
    """One operator: names of what it takes and gives, and its attributes."""

    operator: str
    takes: tuple[str, ...]
    gives: str
    attributes: dict[str, int | str | tuple[int, ...]] = field(default_factory=dict)


def model(
    nodes: Sequence[Node],
    weights: dict[str, NDArray[np.float32]],
    *,
    takes: str,
    gives: Sequence[str],
) -> bytes:
    """The network as the bytes of an ONNX file. Its input has four dimensions of any size."""
    graph = b"".join(_bytes(1, _node(node)) for node in nodes)
    graph += _bytes(2, b"net")
    graph += b"".join(_bytes(5, _tensor(name, value)) for name, value in weights.items())
    graph += _bytes(11, _value(takes, 4))
    graph += b"".join(_bytes(12, _value(name, None)) for name in gives)
    opset = _bytes(1, b"") + _number(2, 13)
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, opset)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(place: int, value: int) -> bytes:
    return _varint(place << 3) + _varint(value)


def _bytes(place: int, value: bytes) -> bytes:
    return _varint(place << 3 | 2) + _varint(len(value)) + value


def _numbers(place: int, values: Iterable[int]) -> bytes:
    return b"".join(_number(place, value) for value in values)


def _node(node: Node) -> bytes:
    out = b"".join(_bytes(1, name.encode()) for name in node.takes)
    out += _bytes(2, node.gives.encode()) + _bytes(4, node.operator.encode())
    for name, value in node.attributes.items():
        out += _bytes(5, _attribute(name, value))
    return out


def _attribute(name: str, value: int | str | tuple[int, ...]) -> bytes:
    head = _bytes(1, name.encode())
    match value:
        case int():
            return head + _number(3, value) + _number(20, _ATTRIBUTE_INT)
        case str():
            return head + _bytes(4, value.encode()) + _number(20, _ATTRIBUTE_STRING)
        case tuple():
            return head + _numbers(8, value) + _number(20, _ATTRIBUTE_INTS)


def _tensor(name: str, value: NDArray[np.float32]) -> bytes:
    out = _numbers(1, value.shape) + _number(2, _FLOAT) + _bytes(8, name.encode())
    return out + _bytes(9, np.ascontiguousarray(value, "<f4").tobytes())


def _value(name: str, dimensions: int | None) -> bytes:
    tensor = _number(1, _FLOAT)
    if dimensions is not None:
        shape = b"".join(_bytes(1, _bytes(2, f"{name}{at}".encode())) for at in range(dimensions))
        tensor += _bytes(2, shape)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))
