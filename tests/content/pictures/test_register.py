from __future__ import annotations

import io

import numpy as np
import pytest
from corpus.files import pictures as drawn
from PIL import Image, ImageEnhance, ImageOps

from gateway.content import PictureSettings, open_blob
from gateway.content.pictures import register
from gateway.model import BlobPart, Locator


@pytest.fixture(scope="module")
def known(request):
    from content.pictures.conftest import package

    data = package("skimage") / "data"
    names = ("astronaut", "coffee", "chelsea", "motorcycle_left", "ihc")
    pictures = {name: Image.open(data / f"{name}.png").convert("RGB") for name in names}
    built = register.build((name, register.prints(np.asarray(p))) for name, p in pictures.items())
    return pictures, built


def jpeg(picture, quality):
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return Image.open(io.BytesIO(out.getvalue()))


CHANGES = {
    "same": lambda p: p,
    "half": lambda p: p.resize((p.width // 2, p.height // 2)),
    "quarter": lambda p: p.resize((p.width // 4, p.height // 4)),
    "twice": lambda p: p.resize((p.width * 2, p.height * 2)),
    "wider": lambda p: p.resize((p.width * 5 // 4, p.height)),
    "q20": lambda p: jpeg(p, 20),
    "grey": lambda p: ImageOps.grayscale(p).convert("RGB"),
    "brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.35),
    "paler": lambda p: ImageEnhance.Contrast(p).enhance(0.6),
    "colour": lambda p: ImageEnhance.Color(p).enhance(2.0),
    "crop 5%": lambda p: p.crop(
        (p.width // 20, p.height // 20, p.width * 19 // 20, p.height * 19 // 20)
    ),
    "crop 60%": lambda p: p.crop((0, 0, int(p.width * 0.6), int(p.height * 0.6))),
    "centre 50%": lambda p: p.crop(
        (p.width // 4, p.height // 4, p.width * 3 // 4, p.height * 3 // 4)
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found(known, change):
    pictures, built = known
    lost = []
    for name, picture in pictures.items():
        found = built.look_up(np.asarray(CHANGES[change](picture)))
        if found is None or found.name != name:
            lost.append(name)
    assert lost == []


def test_other_pictures_are_not_found(known):
    from content.pictures.conftest import package

    _, built = known
    data = package("skimage") / "data"
    others = [
        Image.open(data / name).convert("RGB")
        for name in (
            "camera.png",
            "grass.png",
            "gravel.png",
            "moon.png",
            "page.png",
            "text.png",
            "rocket.jpg",
            "retina.jpg",
            "horse.png",
            "coins.png",
            "clock_motion.png",
            "cell.png",
            "hubble_deep_field.jpg",
        )
    ]
    others += [drawn.plain(seed, (640, 480)) for seed in range(10)]
    assert [built.look_up(np.asarray(other)) for other in others] == [None] * len(others)


def test_a_flat_picture_cannot_be_registered_and_is_never_found(known):
    flat = register.prints(np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(ValueError, match="number 0"):
        register.build([("flat", flat)])
    assert known[1].look_up(np.full((200, 200, 3), 90, np.uint8)) is None


def test_an_empty_register_finds_nothing(known):
    assert register.build([]).look_up(np.asarray(known[0]["coffee"])) is None


def test_a_register_survives_its_file(tmp_path, astronaut, temple):
    own = [
        (name, register.prints(np.asarray(one))) for name, one in (("a", astronaut), ("t", temple))
    ]
    file = tmp_path / "register"
    file.write_text(register.save(own))
    again = register.load(file)
    smaller = temple.resize((temple.width // 2, temple.height // 2))
    assert again.look_up(np.asarray(smaller)).name == "t"
    assert again.names == ("a", "t")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2, "pictures": []}', "\x00"])
def test_a_file_that_is_no_register_is_an_error(tmp_path, text):
    file = tmp_path / "register"
    file.write_text(text)
    with pytest.raises(ValueError, match="not a register"):
        register.load(file)


def test_pictures_of_a_folder_are_known_by_their_names(tmp_path, temple):
    temple.save(tmp_path / "Product; X.png")
    (tmp_path / "notes.txt").write_text("no picture")
    found, others = register.folder(tmp_path)
    assert [name for name, _ in found] == ["Product, X"]
    assert [path.name for path in others] == ["notes.txt"]
    file = tmp_path / "register.json"
    file.write_text(register.save(found))
    looking = PictureSettings(ocr=False, faces=False, codes=False, register=file)
    copy = io.BytesIO()
    temple.resize((400, 267)).save(copy, "JPEG", quality=50)
    opened = open_blob(BlobPart(Locator("f"), copy.getvalue()), max_bytes=1 << 20, looking=looking)
    assert opened.info.facts["registered"] == "Product, X"
