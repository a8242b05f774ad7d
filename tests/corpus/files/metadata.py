"""Which metadata do picture files carry? Files of each format with planted values in each place.

Law: blocks are built here by hand or by Pillow, never by the gateway.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

from PIL import Image

XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Credit="XMP-CREDIT-ATTRIBUTE">'
    '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">XMP-DESCRIPTION</rdf:li></rdf:Alt></dc:description>'
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def thumbnail() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 24), "teal").save(out, "JPEG")
    return out.getvalue()


def exif(*, orientation: int | None = None) -> bytes:
    """Made with Pillow, but for the thumbnail's directory, which it cannot write."""
    block = Image.Exif()
    if orientation:
        block[0x0112] = orientation
    block[0x010F], block[0x0110] = "PLANTED-MAKE", "PLANTED-MODEL"
    block[0x013B], block[0x8298] = "PLANTED-ARTIST", "PLANTED-COPYRIGHT"
    inner = block.get_ifd(0x8769)
    inner[0xA431], inner[0xA430] = "PLANTED-SERIAL", "PLANTED-OWNER"
    inner[0x9286] = b"ASCII\0\0\0PLANTED-COMMENT"
    inner[0x927C] = b"\x01\x02MAKERNOTE-PLANTED\x00\x00\x07"
    gps = block.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (48.0, 51.0, 29.6), "W", (2.0, 17.0, 40.2)
    return block.tobytes()


def thumbnail_exif() -> bytes:
    """Big endian TIFF: an empty first directory, and one that points to a JPEG."""
    small = thumbnail()
    first = struct.pack(">H", 0) + struct.pack(">I", 14)
    entries = struct.pack(">HHII", 0x0201, 4, 1, 14 + 2 + 24 + 4) + struct.pack(
        ">HHII", 0x0202, 4, 1, len(small)
    )
    return (
        b"Exif\0\0MM\0*"
        + struct.pack(">I", 8)
        + first
        + struct.pack(">H", 2)
        + entries
        + b"\0\0\0\0"
        + small
    )


def iptc() -> bytes:
    """Photoshop's resource 0x0404 with IIM datasets 80, 116 and 120."""
    body = b"".join(
        struct.pack(">BBBH", 0x1C, 2, dataset, len(value)) + value
        for dataset, value in ((80, b"IIM-BYLINE"), (116, b"IIM-COPYRIGHT"), (120, b"IIM-CAPTION"))
    )
    return (
        b"Photoshop 3.0\0"
        b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(body)) + body + b"\0" * (len(body) & 1)
    )


def credentials() -> bytes:
    """What a JUMBF box of C2PA holds of training; in CBOR, as `cawg.training-mining` has it."""
    entry = b"\xa1\x67entries\xa1\x73c2pa.ai_generative\xa1\x63use\x6anotAllowed"
    return b"JP\0\1\0\0\0\1\0\0\0\xffjumbjumdc2pa\0cawg.training-mining\0" + entry


def picture(size=(96, 64)) -> Image.Image:
    made = Image.linear_gradient("L").resize(size).convert("RGB")
    made.paste((200, 30, 30), (5, 5, 40, 30))
    return made


def _segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def jpeg(*, orientation: int | None = None, icc: bytes = b"") -> bytes:
    out = io.BytesIO()
    picture().save(
        out,
        "JPEG",
        quality=88,
        exif=exif(orientation=orientation),
        comment=b"PLANTED-JPEG-COMMENT",
        icc_profile=icc or None,
    )
    plain = out.getvalue()
    more = _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP.encode())
    more += (
        _segment(0xED, iptc()) + _segment(0xEB, credentials()) + _segment(0xE1, thumbnail_exif())
    )
    return plain[:2] + more + plain[2:] + b"PLANTED-TRAILER"


def png(*, orientation: int | None = None, icc: bytes = b"") -> bytes:
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "PLANTED-TEXT")
    info.add_text("Private", "PLANTED-ZTEXT", zip=True)
    info.add_itxt("Title", "PLANTED-ITEXT", zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP)
    out = io.BytesIO()
    picture().save(
        out, "PNG", exif=exif(orientation=orientation), pnginfo=info, icc_profile=icc or None
    )
    return out.getvalue() + b"PLANTED-TRAILER"


def webp(*, orientation: int | None = None, icc: bytes = b"") -> bytes:
    out = io.BytesIO()
    picture().save(
        out,
        "WEBP",
        lossless=True,
        exif=exif(orientation=orientation),
        xmp=XMP.encode(),
        icc_profile=icc,
    )
    return out.getvalue() + b"PLANTED-TRAILER"


def gif(**_) -> bytes:
    out = io.BytesIO()
    frames = [
        picture().convert("P"),
        picture().transpose(Image.Transpose.FLIP_LEFT_RIGHT).convert("P"),
    ]
    frames[0].save(
        out, "GIF", save_all=True, append_images=frames[1:], comment=b"PLANTED-GIF-COMMENT", loop=0
    )
    return out.getvalue() + b"PLANTED-TRAILER"


def tiff(**_) -> bytes:
    out = io.BytesIO()
    tags = {
        270: "PLANTED-DESCRIPTION",
        315: "PLANTED-ARTIST",
        33432: "PLANTED-COPYRIGHT",
        700: XMP.encode(),
    }
    frames = [picture(), picture((48, 32))]
    frames[0].save(
        out, "TIFF", save_all=True, append_images=frames[1:], compression="tiff_lzw", tiffinfo=tags
    )
    return out.getvalue()


def box(name: bytes, payload: bytes) -> bytes:
    """A box of ISO/IEC 14496-12."""
    return struct.pack(">I4s", 8 + len(payload), name) + payload


def _appended() -> bytes:
    """What cameras and others put behind a HEIC or AVIF picture: credentials, and a video."""
    c2pa = bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + b"\0\0\0\0manifest\0" + credentials()
    return box(b"uuid", c2pa) + box(b"mpvd", box(b"ftyp", b"mp42") + b"PLANTED-VIDEO")


def avif(*, orientation: int | None = None, icc: bytes = b"", frames: int = 1) -> bytes:
    out = io.BytesIO()
    pictures = [picture().rotate(90 * number) for number in range(frames)]
    pictures[0].save(
        out,
        "AVIF",
        save_all=frames > 1,
        append_images=pictures[1:],
        exif=exif(orientation=orientation),
        xmp=XMP.encode(),
        icc_profile=icc or None,
        speed=10,
    )
    return out.getvalue() + _appended()


def heic(**_) -> bytes:
    """`picture()` with `exif()`, `XMP` and a thumbnail, as pillow-heif 1.8 wrote it."""
    return Path(__file__).with_name("planted.heic").read_bytes() + _appended()


MAKERS = {
    "jpeg": jpeg, "png": png, "webp": webp, "gif": gif, "tiff": tiff, "avif": avif, "heic": heic,
}  # fmt: skip

EXIF_SAID = (
    "PLANTED-MAKE", "PLANTED-MODEL", "PLANTED-ARTIST", "PLANTED-COPYRIGHT", "PLANTED-SERIAL",
    "PLANTED-OWNER", "PLANTED-COMMENT", "MAKERNOTE-PLANTED", "48.858222, -2.294500",
)  # fmt: skip
XMP_SAID = ("XMP-CREDIT-ATTRIBUTE", "XMP-DESCRIPTION")
SAID = {
    "jpeg": (
        *EXIF_SAID,
        *XMP_SAID,
        "IIM-BYLINE",
        "IIM-COPYRIGHT",
        "IIM-CAPTION",
        "PLANTED-JPEG-COMMENT",
    ),
    "png": (*EXIF_SAID, *XMP_SAID, "PLANTED-TEXT", "PLANTED-ZTEXT", "PLANTED-ITEXT", "Private"),
    "webp": (*EXIF_SAID, *XMP_SAID),
    "gif": ("PLANTED-GIF-COMMENT",),
    "tiff": (*XMP_SAID, "PLANTED-DESCRIPTION", "PLANTED-ARTIST", "PLANTED-COPYRIGHT"),
    "avif": (*EXIF_SAID, *XMP_SAID),
    "heic": (*EXIF_SAID, *XMP_SAID),
}
