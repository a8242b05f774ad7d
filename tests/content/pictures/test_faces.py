from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image

from gateway.content.looking import PictureSettings
from gateway.content.pictures import beside, faces
from gateway.content.pictures.beside import Hands
from gateway.content.reading import Budget, FileLimits

SETTINGS = PictureSettings()
ASTRONAUT, OFFICER = (183, 60, 268, 174), (175, 115, 350, 335)


@pytest.fixture(scope="module")
def detector():
    return faces.load(SETTINGS)


def find(detector, picture):
    budget = Budget(FileLimits(seconds=60), 1)
    return faces.faces(detector, np.asarray(picture), budget, settings=SETTINGS)


def overlap(one, other):
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, wide) * max(0, high)
    area = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other))
    return shared / (area - shared)


def test_faces_are_where_they_are(detector, astronaut, officer):
    (one,) = find(detector, astronaut)
    (other,) = find(detector, officer)
    assert overlap(one.box, ASTRONAUT) > 0.6
    assert overlap(other.box, OFFICER) > 0.6


def test_a_picture_without_people_has_none(detector, temple):
    assert find(detector, temple) == ()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_face_is_found_at_its_place(detector, astronaut, turns):
    (face,) = find(detector, np.ascontiguousarray(np.rot90(np.asarray(astronaut), turns)))
    left, top, right, bottom = ASTRONAUT
    place = {
        1: (top, 512 - right, bottom, 512 - left),
        2: (512 - right, 512 - bottom, 512 - left, 512 - top),
        3: (512 - bottom, left, 512 - top, right),
    }[turns]
    assert overlap(face.box, place) > 0.4


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_small_face_does_not_slip_by_on_its_side(detector, astronaut, turns):
    """Some fifteen pixels of face are seen however the picture lies."""
    head = astronaut.crop((140, 20, 330, 240)).resize((30, 34), Image.Resampling.BOX)
    picture = Image.new("RGB", (800, 600), (120, 130, 140))
    picture.paste(head, (500, 300))
    assert find(detector, np.ascontiguousarray(np.rot90(np.asarray(picture), turns)))


class Nobody:
    """A detector that finds nobody, and tells how often it was asked."""

    def __init__(self):
        self.asked = threading.Semaphore(0)

    def find(self, _picture):
        self.asked.release()
        return []


@pytest.mark.parametrize(("turned_too", "times"), [(True, 4), (False, 1)])
def test_turned_faces_are_begun_before_anybody_asks(monkeypatch, turned_too, times):
    monkeypatch.setattr(beside, "available", lambda: 2)
    nobody, picture = Nobody(), np.zeros((40, 40, 3), np.uint8)
    budget = Budget(FileLimits(seconds=60), 1)
    with Hands(2) as hands:
        found = faces.look(
            nobody, picture, budget, settings=SETTINGS, hands=hands, turned_too=turned_too
        )
        assert all(nobody.asked.acquire(timeout=20) for _ in range(times))
        assert found() == ()
    assert not nobody.asked.acquire(blocking=False)


def test_a_large_picture_is_looked_at_smaller_and_boxes_fit_it(detector, astronaut):
    (face,) = find(detector, astronaut.resize((2048, 2048)))
    assert overlap(face.box, tuple(4 * edge for edge in ASTRONAUT)) > 0.6


@pytest.mark.parametrize("size", [(1, 1), (9, 300), (300, 9), (12, 12)])
def test_small_and_narrow_pictures_have_no_face(detector, size):
    assert find(detector, np.zeros((*size, 3), np.uint8)) == ()


def test_noise_stays_bounded(detector):
    noise = np.random.default_rng(1).integers(0, 255, (400, 400, 3), np.uint8)
    assert len(find(detector, noise)) <= 1


def test_weights_that_are_not_known_are_not_unpacked(monkeypatch):
    monkeypatch.setitem(faces._DIGESTS, "pnet", "0" * 64)
    with pytest.raises(ValueError, match="not those of version"):
        faces.load(SETTINGS)


def test_a_model_that_is_missing_or_no_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no file"):
        faces.load(PictureSettings(face_model=tmp_path / "none.onnx"))
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(ValueError, match="no model"):
        faces.load(PictureSettings(face_model=tmp_path / "text.onnx"))


def test_a_model_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "pnet.onnx"
    path.write_bytes(faces._in_onnx("pnet", faces._weights("pnet")))
    with pytest.raises(ValueError, match="no YuNet"):
        faces.load(PictureSettings(face_model=path))


def test_a_yunet_gives_its_boxes(tmp_path):
    # Not a trained one: a network with YuNet's outputs, each of one cell that is a face.
    from gateway.content.pictures.onnx_form import Node, model

    nodes, weights, outputs = [], {}, []
    for step in (8, 16, 32):
        cells = (640 // step) ** 2
        for kind, width in (("cls", 1), ("obj", 1), ("bbox", 4)):
            values = np.zeros((1, cells, width), np.float32)
            if step == 32:
                at = 3 * 20 + 5  # row 3, column 5
                values[0, at] = 1.0 if kind != "bbox" else (0.5, 0.5, np.log(2.0), np.log(3.0))
            name = f"{kind}_{step}"
            weights[f"w_{name}"] = values
            nodes.append(Node("Add", (f"w_{name}", "nothing"), name))
            outputs.append(name)
    weights["zero"] = np.zeros((1,), np.float32)
    nodes.insert(0, Node("ReduceMean", ("x",), "mean", {"keepdims": 0}))
    nodes.insert(1, Node("Mul", ("mean", "zero"), "nothing"))
    path = tmp_path / "yunet.onnx"
    path.write_bytes(model(nodes, weights, takes="x", gives=outputs))
    detector = faces.load(PictureSettings(face_model=path))
    (found,) = detector.find(np.zeros((640, 640, 3), np.uint8))
    assert np.allclose(found, (5.5 * 32 - 32, 3.5 * 32 - 48, 5.5 * 32 + 32, 3.5 * 32 + 48, 1.0))


def convolved(x, kernel, bias):
    """Keras' layer on rows by columns by channels, without a border."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(0, 1))
    return np.einsum("ijchw,hwco->ijo", windows, kernel) + bias


def bent(x, slope):
    return np.where(x > 0, x, slope.reshape(-1) * x)


@pytest.mark.parametrize("seed", range(3))
def test_the_first_network_computes_what_its_layers_say(seed):
    weights = faces._weights("pnet")
    patch = np.random.default_rng(seed).uniform(-1, 1, (12, 12, 3)).astype(np.float32)
    x = bent(convolved(patch, *weights[:2]), weights[2])
    x = x.reshape(5, 2, 5, 2, -1).max(axis=(1, 3))
    x = bent(convolved(x, *weights[3:5]), weights[5])
    x = bent(convolved(x, *weights[6:8]), weights[8])
    at, moved, certain, more = weights[9:]
    no, yes = convolved(x, certain, more)[0, 0]
    (answer,) = faces._network("pnet").run(None, {"x": patch.transpose(2, 0, 1)[None]})
    assert np.allclose(answer[0, :, 0, 0], [*convolved(x, at, moved)[0, 0], yes - no], atol=1e-4)
