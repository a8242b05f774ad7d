from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def package(name: str) -> Path:
    return Path(importlib.util.find_spec(name).submodule_search_locations[0])


@pytest.fixture(scope="session")
def astronaut() -> Image.Image:
    """A woman in a space suit, to the waist; NASA, in the public domain."""
    return Image.open(package("skimage") / "data/astronaut.png").convert("RGB")


@pytest.fixture(scope="session")
def officer() -> Image.Image:
    """Grace Hopper in uniform; US Navy, in the public domain."""
    return Image.open(package("matplotlib") / "mpl-data/sample_data/grace_hopper.jpg").convert(
        "RGB"
    )


@pytest.fixture(scope="session")
def temple() -> Image.Image:
    """A temple, without any person near."""
    return Image.open(package("sklearn") / "datasets/images/china.jpg").convert("RGB")


@pytest.fixture(scope="session")
def eyes():
    from gateway.content import pictures

    return pictures.warm()


@pytest.fixture
def look(eyes):
    """Reads a file with everything on: what is said, as a list."""
    from gateway.content import pictures
    from gateway.content.reading import Budget, FileLimits

    def read(data: bytes, limits: FileLimits | None = None):
        bounds = limits or FileLimits(seconds=600)
        return list(pictures.read(data, Budget(bounds, len(data))))

    return read


@pytest.fixture
def saved():
    def save(picture: Image.Image | np.ndarray, form: str = "PNG", **more) -> bytes:
        out = io.BytesIO()
        made = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        made.save(out, form, **more)
        return out.getvalue()

    return save
