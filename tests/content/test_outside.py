"""What programs by others say of the files that are written here."""

from __future__ import annotations

import io
import json
import shutil
import subprocess

import numpy as np
import pytest
from corpus.files import medical
from PIL import Image, ImageDraw

from gateway.content.pictures import cleaning, dicom

KEY = b"a key of the test"
BURNED = (20, 20, 330, 66)
VOCABULARY = "http://ns.useplus.org/ldf/vocab/"


def run(*command, data, folder):
    """What the program says of `data`, which it gets as a file."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed (Debian: dcmtk, libimage-exiftool-perl)")
    path = folder / "file"
    path.write_bytes(data)
    done = subprocess.run([*command, str(path)], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("compress", [False, True])
def test_dcmtk_reads_a_de_identified_file_and_finds_nobody_in_it(tmp_path, compress):
    before = medical.made(burned=True, compress=compress)
    assert b"PLANTED" in run("dcmdump", "+L", data=before, folder=tmp_path)
    after = dicom.deidentify(before, key=KEY, boxes=[BURNED])
    assert b"yes" in run("dcmftest", data=after, folder=tmp_path)
    dumped = run("dcmdump", "+L", data=after, folder=tmp_path).decode("utf-8", "replace")
    assert [word for word in medical.PLANTED if word in dumped] == []
    assert "PatientIdentityRemoved" in dumped
    drawn = run("dcm2pnm", "+Wm", "+on", data=after, folder=tmp_path)
    shown = np.asarray(Image.open(io.BytesIO(drawn)).convert("L"))
    assert shown.shape == (300, 512)
    assert shown[20:66, 20:330].max() == 0
    assert shown[200:].mean() > 100


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_exiftool_reads_the_mark_against_training(tmp_path, form):
    picture = Image.new("RGB", (80, 60), "white")
    ImageDraw.Draw(picture).ellipse((10, 10, 60, 50), fill="red")
    out = io.BytesIO()
    picture.save(out, form)
    (said,) = json.loads(
        run("exiftool", "-j", "-G", "-n", data=cleaning.stamp(out.getvalue()), folder=tmp_path)
    )
    # Versions before 12.67 know the property, but not its words.
    assert said["XMP:DataMining"].removeprefix(VOCABULARY) == "DMI-PROHIBITED-AIMLTRAINING"
    assert not [word for word in said if "Warning" in word or "Error" in word]
