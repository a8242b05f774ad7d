"""Where in a picture are faces? MTCNN, or YuNet where a model file is set.

Law: a face is a box within the picture and a confidence; a picture is tried as it stands, and
turned only when nothing was found. MTCNN's weights (MIT) are those that the wheel of `mtcnn` 1.0.0
ships, known by their digests, before which nothing of them is unpacked; the package itself, which
wants TensorFlow, is not imported.

Zhang et al., Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks,
https://arxiv.org/abs/1604.02878: three networks, each refining the boxes of the one before.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import joblib
import lz4.frame
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from gateway.content.looking import PictureSettings
from gateway.content.pictures import onnx_form
from gateway.content.pictures.beside import Hands
from gateway.content.pictures.ocr import Pixels, Tensor
from gateway.content.pictures.onnx_form import Node
from gateway.content.reading import Box, Budget


@dataclass(frozen=True, slots=True)
class Face:
    """A face's box in pixels of the upright picture, its confidence, and the quarter turns
    (counter-clockwise) after which it was seen.
    """

    box: Box
    confidence: float
    turned: int = 0


class Detector(Protocol):
    """Finds faces that stand upright."""

    def find(self, picture: Pixels) -> list[tuple[float, float, float, float, float]]:
        """Left, top, right, bottom, confidence; in pixels of `picture`."""


def load(settings: PictureSettings) -> Detector:
    """The detector that settings ask for. A model that is missing or broken raises `ValueError`."""
    if settings.face_model is not None:
        return Yunet(settings.face_model, settings)
    return Mtcnn(settings)


def faces(
    detector: Detector,
    picture: Pixels,
    budget: Budget,
    *,
    settings: PictureSettings,
    turned_too: bool = True,
) -> tuple[Face, ...]:
    """The faces of `picture`; see `look`."""
    with Hands(settings.threads) as hands:
        return look(
            detector, picture, budget, settings=settings, hands=hands, turned_too=turned_too
        )()


def look(
    detector: Detector,
    picture: Pixels,
    budget: Budget,
    *,
    settings: PictureSettings,
    hands: Hands,
    turned_too: bool = True,
) -> Callable[[], tuple[Face, ...]]:
    """Begin to look for faces; what comes back gives them.

    A turned one is looked for only where none stands upright, and at the whole size: at half of it those
    in the background of a picture that lies on its side are too small.
    `turned_too`: look for turned ones at all; three times the time where there are none.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, settings.face_side / max(height, width))
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    high, wide = picture.shape[:2]

    def turned(turns: int) -> tuple[Face, ...]:
        budget.tick()
        return tuple(
            Face(_box(_back(corners, turns, (wide, high)), scale, (width, height)), sure, turns)
            for *corners, sure in detector.find(np.ascontiguousarray(np.rot90(picture, turns)))
        )

    def at(turns: int) -> Callable[[], tuple[Face, ...]]:
        return hands.start(functools.partial(turned, turns))

    def upright() -> list[Callable[[], tuple[Face, ...]]]:
        """What is asked until it gives faces: begun here, or hands would wait to be asked for more."""
        if (seen := turned(0)) or not turned_too:
            return [lambda: seen]
        return [at(turns) for turns in (1, 3, 2)]

    first = hands.start(upright)
    return lambda: next((seen for one in first() if (seen := one())), ())


def _back(corners: list[float], turns: int, size: tuple[int, int]) -> tuple[float, ...]:
    """A box of a picture that was turned `turns` times, in the picture of `size` before that."""
    left, top, right, bottom = corners
    wide, high = size
    match turns:
        case 1:
            return wide - bottom, left, wide - top, right
        case 2:
            return wide - right, high - bottom, wide - left, high - top
        case 3:
            return top, high - right, bottom, high - left
    return left, top, right, bottom


def _box(corners: tuple[float, ...], scale: float, size: tuple[int, int]) -> Box:
    left, top, right, bottom = (edge / scale for edge in corners)
    return (
        max(0, math.floor(left)),
        max(0, math.floor(top)),
        min(size[0], math.ceil(right)),
        min(size[1], math.ceil(bottom)),
    )


# --- MTCNN ---------------------------------------------------------------------------------------

_DIGESTS = {
    "pnet": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
    "onet": "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
}

_SHRINK = 0.709
"""From one picture of the pyramid to the next: half the area."""

_SURE_P, _SURE_R = math.log(0.6 / 0.4), 0.7
"""Of the first network, as the difference of its two answers, and of the second."""

_CELL, _STRIDE = 12, 2
_MOST = 3_000
"""Boxes that the second network looks at, at most: a picture made to yield more is no portrait."""

_AT_ONCE = 64
"""Boxes of one call: what a network makes of them stays in the cache of a core."""

_BLOCK = 16
"""ONNX Runtime keeps its quick layout from layer to layer only where the channels are a multiple of
8, or of 16 where the processor has AVX-512."""


class Mtcnn:
    """The three networks, loaded."""

    def __init__(self, settings: PictureSettings) -> None:
        self._settings = settings
        self._pnet, self._rnet, self._onet = (_network(name) for name in _DIGESTS)

    def find(self, picture: Pixels) -> list[tuple[float, float, float, float, float]]:
        """See `Detector`."""
        pixels = picture.astype(np.float32)
        pixels -= 127.5
        pixels /= 128.0
        boxes = self._proposals(pixels)
        if not len(boxes):
            return []
        boxes = self._refine(self._rnet, pixels, boxes, side=24, least=_SURE_R)
        boxes = _square(boxes[_keep(boxes, 0.7)])
        boxes = self._refine(
            self._onet, pixels, boxes, side=48, least=self._settings.face_confidence
        )
        boxes = boxes[_keep_around(boxes, 0.7)]
        return [(float(b[0]), float(b[1]), float(b[2]), float(b[3]), float(b[4])) for b in boxes]

    def _proposals(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[:2]
        scale, found = _CELL / self._settings.face_pixels, []
        while min(height, width) * scale >= _CELL:
            size = (math.ceil(width * scale), math.ceil(height * scale))
            if 2 * size[0] <= pixels.shape[1] and 2 * size[1] <= pixels.shape[0]:
                # The mean of means: shrinking the whole picture for each level would cost as much.
                half = (math.ceil(pixels.shape[1] / 2), math.ceil(pixels.shape[0] / 2))
                pixels = cv2.resize(pixels, half, interpolation=cv2.INTER_AREA).astype(np.float32)
            level = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            (answer,) = self._pnet.run(None, {"x": level.transpose(2, 0, 1)[None]})
            shift, sure = np.split(np.asarray(answer)[0], [4])
            rows, columns = np.nonzero(sure[0] > _SURE_P)
            at = np.stack([columns, rows, columns, rows], 1) * _STRIDE
            at = at + np.array([0, 0, _CELL, _CELL])
            at = at + shift[:, rows, columns].T * _CELL
            boxes = np.concatenate([at / scale, sure[0, rows, columns][:, None]], 1)
            found.append(boxes[_keep(boxes, 0.5)])
            scale *= _SHRINK
        if not found:
            return np.empty((0, 5), np.float32)
        boxes = np.concatenate(found)
        boxes = boxes[_keep(boxes, 0.7)][:_MOST]
        return _square(boxes)

    def _refine(
        self,
        network: onnxruntime.InferenceSession,
        pixels: Tensor,
        boxes: Tensor,
        *,
        side: int,
        least: float,
    ) -> Tensor:
        if not len(boxes):
            return boxes
        shift, sure = [], []
        for start in range(0, len(boxes), _AT_ONCE):
            patches = np.stack(
                [_patch(pixels, box, side) for box in boxes[start : start + _AT_ONCE]]
            )
            moved, certain = network.run(None, {"x": patches.transpose(0, 3, 1, 2)})[:2]
            shift.append(np.asarray(moved))
            sure.append(np.asarray(certain)[:, 1])
        boxes = boxes.copy()
        boxes[:, 4] = np.concatenate(sure)
        size = np.stack([boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]] * 2, 1) + 1
        boxes[:, :4] += np.concatenate(shift) * size
        return boxes[boxes[:, 4] > least]


def _patch(pixels: Tensor, box: Tensor, side: int) -> Tensor:
    """What is in `box`, `side` pixels square; black beyond the picture's edge."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = (round(float(edge)) for edge in box[:4])
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    inner = pixels[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    if inner.shape[:2] != (bottom - top, right - left):
        inner = cv2.copyMakeBorder(
            np.ascontiguousarray(inner) if inner.size else np.zeros((1, 1, 3), np.float32),
            max(0, -top),
            max(0, bottom - height),
            max(0, -left),
            max(0, right - width),
            cv2.BORDER_CONSTANT,
        ).astype(np.float32)
    return cv2.resize(inner, (side, side), interpolation=cv2.INTER_LINEAR).astype(np.float32)


def _square(boxes: Tensor) -> Tensor:
    out = boxes.copy()
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    side = np.maximum(wide, high)
    out[:, 0] += (wide - side) / 2
    out[:, 1] += (high - side) / 2
    out[:, 2], out[:, 3] = out[:, 0] + side, out[:, 1] + side
    return out


def _keep(boxes: Tensor, most: float) -> NDArray[np.intp]:
    """Of boxes whose shared area is more than `most` of that of both the surest one."""
    corners = boxes[:, :4].astype(np.float64)
    corners[:, 2:] -= corners[:, :2]
    kept = cv2.dnn.NMSBoxes(
        corners.tolist(), boxes[:, 4].tolist(), score_threshold=0.0, nms_threshold=most
    )
    return np.asarray(kept, np.intp)


def _keep_around(boxes: Tensor, most: float) -> NDArray[np.intp]:
    """Of boxes whose shared area is more than `most` of that of the smaller one the surest one."""
    order = boxes[:, 4].argsort()[::-1]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(best)
        wide = np.minimum(boxes[best, 2], boxes[rest, 2]) - np.maximum(
            boxes[best, 0], boxes[rest, 0]
        )
        high = np.minimum(boxes[best, 3], boxes[rest, 3]) - np.maximum(
            boxes[best, 1], boxes[rest, 1]
        )
        shared = np.maximum(0, wide) * np.maximum(0, high)
        order = rest[shared <= most * np.minimum(area[best], area[rest])]
    return np.array(kept, np.intp)


def _network(name: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = True  # as in `ocr`
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        _in_onnx(name, _weights(name)), options, providers=["CPUExecutionProvider"]
    )


def _weights(name: str) -> list[NDArray[np.float32]]:
    """The weights that the package ships; joblib's form is pickle's, so the digest comes first."""
    spec = importlib.util.find_spec("mtcnn")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError("package `mtcnn` is not installed: install it, or set `faces: false`")
    packed = (Path(spec.submodule_search_locations[0]) / f"assets/weights/{name}.lz4").read_bytes()
    if hashlib.sha256(packed).hexdigest() != _DIGESTS[name]:
        raise ValueError(f"weights `{name}` of package `mtcnn` are not those of version 1.0.0")
    loaded = joblib.load(io.BytesIO(lz4.frame.decompress(packed)))
    return [np.asarray(array, np.float32) for array in loaded]


def _in_onnx(name: str, weights: list[NDArray[np.float32]]) -> bytes:
    """Keras' layers as ONNX operators: kernels from HWIO to OIHW, data from NHWC to NCHW."""
    nodes: list[Node] = []
    named: dict[str, NDArray[np.float32]] = {}
    left = iter(weights)

    def weight(array: NDArray[np.float32]) -> str:
        label = f"w{len(named)}"
        named[label] = array
        return label

    def add(operator: str, *takes: str, **attributes: Any) -> str:
        label = f"y{len(nodes)}"
        nodes.append(Node(operator, takes, label, attributes))
        return label

    def convolve(x: str) -> str:
        kernel, bias = next(left).transpose(3, 2, 0, 1), next(left)
        more = -len(bias) % _BLOCK
        before = -kernel.shape[1] % _BLOCK if x != "x" else 0
        kernel = np.pad(kernel, ((0, more), (0, before), (0, 0), (0, 0)))
        return add("Conv", x, weight(kernel), weight(np.pad(bias, (0, more))))

    def scale(x: str, by: NDArray[np.float32]) -> str:
        return add("Conv", x, weight(by.reshape(-1, 1, 1, 1)), group=len(by))

    def bend(x: str) -> str:
        """`PRelu`, which ONNX Runtime has no quick form of, by x + (1 - slope) * relu(-x)."""
        slope = next(left).reshape(-1)
        rest = np.pad(1 - slope, (0, -len(slope) % _BLOCK))
        below = add("Relu", scale(x, np.full_like(rest, -1)))
        return add("Add", scale(below, rest), x)

    def pool(x: str, side: int, pad: str) -> str:
        return add("MaxPool", x, kernel_shape=(side, side), strides=(2, 2), auto_pad=pad)

    def dense(x: str) -> str:
        kernel, bias = weight(next(left)), weight(next(left))
        return add("Gemm", x, kernel, bias)

    same, valid = "SAME_UPPER", "VALID"
    match name:
        case "pnet":
            x = pool(bend(convolve("x")), 2, same)
            x = bend(convolve(bend(convolve(x))))
            # Where a face would be, and by how much more one there is than none: one layer.
            at, moved, certain, more = (next(left) for _ in range(4))
            kernel = np.concatenate([at, certain[..., 1:] - certain[..., :1]], 3)
            bias = np.concatenate([moved, more[1:] - more[:1]])
            x = add("Conv", x, weight(kernel.transpose(3, 2, 0, 1)), weight(bias))
            return onnx_form.model(nodes, named, takes="x", gives=(x,))
        case "rnet" | "onet":
            x = pool(bend(convolve(pool(bend(convolve("x")), 3, same))), 3, valid)
            x = bend(convolve(x))
            if name == "onet":
                x = bend(convolve(pool(x, 2, same)))
            # Keras permutes N,H,W,C to N,W,H,C before it flattens.
            x = add("Flatten", add("Transpose", x, perm=(0, 3, 2, 1)), axis=1)
            x = dense(x)
            x = add("PRelu", x, weight(next(left)))
            shift = dense(x)
            if name == "onet":
                next(left), next(left)  # where eyes, nose and mouth are: not wanted
            sure = add("Softmax", dense(x), axis=1)
        case _:
            raise AssertionError(name)
    return onnx_form.model(nodes, named, takes="x", gives=(shift, sure))


# --- YuNet ---------------------------------------------------------------------------------------


class Yunet:
    """OpenCV's YuNet, from a model file (MIT, `face_detection_yunet_2023mar.onnx`)."""

    def __init__(self, path: Path, settings: PictureSettings) -> None:
        if not path.is_file():
            raise ValueError(f"`face_model`: there is no file `{path}`")
        self._confidence = min(settings.face_confidence, 0.8)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._net = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions have no common class
            raise ValueError(f"`face_model`: `{path}` is no model in ONNX form") from error
        names = {output.name for output in self._net.get_outputs()}
        wanted = {f"{kind}_{step}" for kind in ("cls", "obj", "bbox") for step in _STEPS}
        if not wanted <= names:
            raise ValueError(
                f"`face_model`: `{path}` is no YuNet of 2023: it lacks `cls_8` and others"
            )

    def find(self, picture: Pixels) -> list[tuple[float, float, float, float, float]]:
        """See `Detector`."""
        boxes = np.concatenate(list(self._boxes(picture)))
        boxes = boxes[_keep(boxes, 0.3)]
        return [(float(b[0]), float(b[1]), float(b[2]), float(b[3]), float(b[4])) for b in boxes]

    def _boxes(self, picture: Pixels) -> Iterator[Tensor]:
        shape = self._net.get_inputs()[0].shape
        fixed = [side for side in shape[2:] if isinstance(side, int)]
        height, width = picture.shape[:2]
        scale = 1.0
        if fixed:  # the 2023 model is exported for 640 by 640
            scale = min(fixed[0] / height, fixed[1] / width)
            size = (max(1, int(width * scale)), max(1, int(height * scale)))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
            high, wide = fixed
        else:
            high, wide = (math.ceil(side / 32) * 32 for side in (height, width))
        canvas = np.zeros((high, wide, 3), np.float32)
        canvas[: picture.shape[0], : picture.shape[1]] = picture[:, :, ::-1]  # BGR, 0 to 255
        names = [output.name for output in self._net.get_outputs()]
        given = self._net.run(
            None, {self._net.get_inputs()[0].name: canvas.transpose(2, 0, 1)[None]}
        )
        answer = {name: np.asarray(value) for name, value in zip(names, given, strict=True)}
        for step in _STEPS:
            sure = np.sqrt(
                answer[f"cls_{step}"].reshape(-1).clip(0, 1)
                * answer[f"obj_{step}"].reshape(-1).clip(0, 1)
            )
            (chosen,) = np.nonzero(sure > self._confidence)
            x, y, w, h = answer[f"bbox_{step}"].reshape(-1, 4)[chosen].T
            columns = wide // step
            middle_x, middle_y = (chosen % columns + x) * step, (chosen // columns + y) * step
            half_w, half_h = np.exp(w) * step / 2, np.exp(h) * step / 2
            edges = (middle_x - half_w, middle_y - half_h, middle_x + half_w, middle_y + half_h)
            yield np.stack([*(edge / scale for edge in edges), sure[chosen]], 1).astype(np.float32)


_STEPS = (8, 16, 32)
