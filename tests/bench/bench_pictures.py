"""How much of what is written in pictures is read, how long does it take, and where does time go?

    python tests/bench/bench_pictures.py [--count 20] [--side 1280] [--threads 1]

Draws screenshots of 1920 by 1080 (chat, terminal, table, form, code; light and dark; two font sizes;
PNG, JPEG at quality 60 and 30) with eight values each. A value is recovered when it stands in the
text once look-alikes are folded: what a detector can know. Times are of the processor, so that other
work on the machine counts little; on an idle machine they are those of the clock with one thread.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import io
import random
import re
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from content.pictures.conftest import package
from corpus.files import pictures as drawn

from gateway.content import pictures
from gateway.content.pictures import codes, documents, faces, metadata, ocr
from gateway.content.pictures.beside import Hands
from gateway.content.reading import Budget, FileLimits, Text


def alike(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.translate(ocr._LOOKALIKES).lower())


def budget() -> Budget:
    return Budget(FileLimits(seconds=600), 1)


class Watch:
    clock = staticmethod(time.process_time)

    def __init__(self):
        self.times = collections.defaultdict(list)

    def __call__(self, name, work):
        started = self.clock()
        result = work()
        self.times[name].append(self.clock() - started)
        return result

    def show(self):
        for name, times in self.times.items():
            middle, most = statistics.median(times), max(times)
            print(f"  {name:<12} median {middle * 1e3:7.0f} ms   max {most * 1e3:7.0f} ms")


def stages(eyes, data: bytes, watch: Watch) -> None:
    """Everything that `read` does, step by step on one thread."""
    watch("metadata", lambda: metadata.read(data, budget()))
    pixels = watch("decode", lambda: np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    watch("codes", lambda: list(codes.codes(pixels, "picture")))
    drawn_flat = documents.flatness(pixels) >= documents.FLAT
    settings = dataclasses.replace(eyes.settings, threads=1)
    watch(
        "faces",
        lambda: faces.faces(
            eyes.faces, pixels, budget(), settings=settings, turned_too=not drawn_flat
        ),
    )
    if not watch("gate", lambda: ocr.may_hold_text(pixels)):
        return
    with Hands(1) as hand:
        places = watch("find lines", eyes.ocr.places(pixels, hand))
        watch("read lines", lambda: eyes.ocr.read(pixels, places, budget(), hand))


def shown(data: bytes, settings) -> str:
    """What a picture says, read as the gateway reads it."""
    told = list(pictures.read(data, budget(), settings))
    return "".join(one.text for one in told if isinstance(one, Text) and one.place.endswith("text"))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=20)
    options.add_argument("--side", type=int, default=pictures.PictureSettings().ocr_side)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument(
        "--clock", action="store_true", help="time on the clock, of an idle machine"
    )
    chosen = options.parse_args()
    if chosen.clock:
        Watch.clock = staticmethod(time.perf_counter)
    now = Watch.clock
    settings = dataclasses.replace(
        pictures.PictureSettings(), ocr_side=chosen.side, threads=chosen.threads
    )
    started = now()
    eyes = pictures.warm(settings)
    print(f"loaded in {now() - started:.2f} s")

    shots = list(drawn.screenshots())
    random.Random(1).shuffle(shots)
    watch, whole = Watch(), []
    got, exact, lost = collections.Counter(), collections.Counter(), []
    for shot in shots[: chosen.count]:
        started = now()
        text = shown(shot.data, settings)
        whole.append(now() - started)
        if not len(whole) % 4:
            stages(eyes, shot.data, watch)
        for kind, value in shot.planted:
            found = alike(value) in alike(text)
            got[kind] += found
            exact[kind] += value in text
            if not found:
                lost.append(f"{kind} in {shot.name}")
    count = len(whole)
    total = count * len(drawn.MAKERS)
    print(
        f"{count} screenshots, {total} values: recovered {sum(got.values()) / total:.1%},", end=" "
    )
    print(f"letter by letter {sum(exact.values()) / total:.1%}")
    print("  " + ", ".join(f"{kind} {got[kind] / count:.0%}" for kind in drawn.MAKERS))
    print("  lost: " + ("; ".join(lost) or "none"))
    print(f"  everything: median {statistics.median(whole):.2f} s, max {max(whole):.2f} s")
    print("  step by step on one thread, every fourth:")
    watch.show()

    print("pictures without text, everything on; step by step on one thread:")
    data = package("skimage") / "data"
    smooth = Image.radial_gradient("L").resize(drawn.SIZE).convert("RGB")
    flower, china = (
        package("sklearn") / f"datasets/images/{name}.jpg" for name in ("flower", "china")
    )
    wall = Image.new("RGB", drawn.SIZE)
    for place in range(9):  # what a camera sees has its details at any size
        tile = Image.open((flower, china, data / "coffee.png")[place % 3]).convert("RGB")
        wall.paste(tile.resize((640, 360)), (place % 3 * 640, place // 3 * 360))
    plain = {
        "smooth 1080p": drawn.save(smooth, "JPEG", quality=85),
        "noise 1080p": drawn.save(drawn.plain(), "JPEG", quality=85),
        "photograph 600x400": (data / "coffee.png").read_bytes(),
        "photograph 427x640": flower.read_bytes(),
        "photographs 1080p": drawn.save(wall, "JPEG", quality=85),
    }
    for name, picture in plain.items():
        started = now()
        text = shown(picture, settings)
        print(f"  {name:<20} {(now() - started) * 1e3:6.0f} ms, {len(text)} characters")
        watch = Watch()
        stages(eyes, picture, watch)
        print("   ", ", ".join(f"{step} {took[0] * 1e3:.0f}" for step, took in watch.times.items()))

    print("faces:")
    watch, right, false = Watch(), 0, 0
    people = {
        "astronaut": data / "astronaut.png",
        "officer": package("matplotlib") / "mpl-data/sample_data/grace_hopper.jpg",
        "camera": data / "camera.png",
    }
    for path in people.values():
        pixels = np.asarray(Image.open(path).convert("RGB"))
        found = watch(
            "with", lambda p=pixels: faces.faces(eyes.faces, p, budget(), settings=settings)
        )
        right += len(found) == 1
    others = [p for p in sorted(data.glob("*.png")) if p.stem not in people]
    others += [*sorted(data.glob("*.jpg")), *(package("sklearn") / "datasets/images").glob("*.jpg")]
    for path in others:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        found = watch(
            "without", lambda p=pixels: faces.faces(eyes.faces, p, budget(), settings=settings)
        )
        false += bool(found)
    print(f"  {right} of {len(people)} faces found, {false} of {len(others)} pictures falsely")
    watch.show()
    crops = np.load(data / "lfw_subset.npy")
    seen = 0
    for crop in crops[:100]:  # 25 by 25 pixels: enlarged, with an edge
        grey = (np.clip(crop, 0, 1) * 255).astype(np.uint8)
        large = np.pad(np.asarray(Image.fromarray(grey).resize((120, 120))), 60, mode="edge")
        seen += bool(
            faces.faces(eyes.faces, np.repeat(large[:, :, None], 3, 2), budget(), settings=settings)
        )
    print(f"  {seen} of 100 faces of 25 pixels, enlarged")


if __name__ == "__main__":
    main()
