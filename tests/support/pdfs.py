"""PDF files with a value in one place each, and judges that look for it without the gateway's code.

A maker takes the value and gives the file; the words `before` and `after` stand around it on the
page, so that a test can see that they stay.
"""

from __future__ import annotations

import importlib.util
import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pikepdf
import pypdfium2 as pdfium
from fontTools.ttLib import TTFont
from pikepdf import Array, Dictionary, Name, String
from PIL import Image, ImageDraw

TOOLS = tuple(tool for tool in ("pdftotext", "qpdf", "mutool") if shutil.which(tool))
"""Independent programs that are on this machine."""
_FONTS = Path(importlib.util.find_spec("matplotlib").submodule_search_locations[0])
DEJAVU = _FONTS / "mpl-data/fonts/ttf/DejaVuSans.ttf"


def helvetica():
    return Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)


def blank(count=1, size=(400, 300)):
    document = pikepdf.new()
    for _ in range(count):
        page = document.add_blank_page(page_size=size)
        page.obj.Resources = Dictionary(Font=Dictionary(F1=document.make_indirect(helvetica())))
    return document


def saved(document, **more):
    out = io.BytesIO()
    document.save(out, **more)
    return out.getvalue()


def drawn(content, **resources):
    document = blank()
    page = document.pages[0]
    page.obj.Contents = document.make_stream(content)
    for kind, named in resources.items():
        page.obj.Resources[f"/{kind}"] = Dictionary(named)
    return document


def text(value):
    return String(value.encode("cp1252")).unparse()


def line(value, at=b"30 150 Td"):
    return b"BT /F1 12 Tf " + at + b" " + text(f"before {value} after") + b" Tj ET"


# --- how text can stand on a page -----------------------------------------------------------------


def one_string(value):
    return saved(drawn(line(value)))


def kerned(value):
    pieces = b" ".join(text(letter) + b" %d" % (-7 * n % 40) for n, letter in enumerate(value))
    content = b"BT /F1 12 Tf 30 150 Td [(before ) -30 " + pieces + b" 20 ( after)] TJ ET"
    return saved(drawn(content))


def split_over_strings(value):
    half = len(value) // 2
    content = (
        b"BT /F1 12 Tf 1 0 0 1 30 150 Tm (before ) Tj "
        + text(value[:half])
        + b" Tj "
        + text(value[half:])
        + b" Tj ( after) Tj ET"
    )
    return saved(drawn(content))


def placed_letter_by_letter(value):
    letters = b"".join(
        b" 1 0 0 1 %d 150 Tm " % (90 + 8 * n) + text(letter) + b" Tj"
        for n, letter in enumerate(value)
    )
    content = b"BT /F1 12 Tf 30 150 Td (before) Tj" + letters + b" 1 0 0 1 300 150 Tm (after) Tj ET"
    return saved(drawn(content))


def spaced(value):
    content = (
        b"BT /F1 10 Tf 1.5 Tc 4 Tw 80 Tz 3 Ts 30 150 Td "
        + text(f"before {value} after")
        + b" Tj 0 Tc 14 TL T* (next line) Tj ET"
    )
    return saved(drawn(content))


def quotes(value):
    content = (
        b"BT /F1 12 Tf 14 TL 30 200 Td (before) ' "
        + text(value)
        + b" ' 1 0.5 (after) \" (last) ' ET"
    )
    return saved(drawn(content))


def rotated(value):
    content = b"BT /F1 12 Tf .7071 .7071 -.7071 .7071 60 30 Tm " + text(f"before {value} after")
    return saved(drawn(content + b" Tj ET"))


def turned_page(value):
    document = drawn(line(value))
    document.pages[0].obj.Rotate = 90
    document.pages[0].obj.CropBox = Array([10, 10, 390, 290])
    return saved(document)


def over_a_line_break(value):
    first, second = value[:6], value[6:]
    content = (
        b"BT /F1 12 Tf 30 150 Td "
        + text(f"before {first}")
        + b" Tj 0 -14 Td "
        + text(f"{second} after")
        + b" Tj ET"
    )
    return saved(drawn(content))


def twice_over(value):
    """Bold by printing the same twice, a little apart."""
    return saved(drawn(line(value) + b" " + line(value, b"30.3 150 Td")))


def unbalanced(value):
    """States that are saved and never restored, and the other way round."""
    return saved(drawn(b"Q q 2 0 0 2 -30 -150 cm q " + line(value)))


def in_a_form(value):
    document = blank(2)
    form = document.make_stream(line(value))
    form.Type, form.Subtype = Name.XObject, Name.Form
    form.BBox = Array([0, 0, 400, 300])
    form.Matrix = Array([1, 0, 0, 1, 5, 10])
    form.Resources = Dictionary(Font=Dictionary(F1=helvetica()))
    for n, page in enumerate(document.pages):
        page.obj.Contents = document.make_stream(
            b"q .8 0 0 .8 0 0 cm /X Do Q BT /F1 9 Tf 30 20 Td (page %d) Tj ET" % n
        )
        page.obj.Resources.XObject = Dictionary(X=form)
    return saved(document)


def in_a_form_in_a_form(value):
    document = blank()
    inner = document.make_stream(line(value))
    outer = document.make_stream(b"q .5 0 0 .5 20 20 cm /In Do Q")
    for form in (inner, outer):
        form.Type, form.Subtype, form.BBox = Name.XObject, Name.Form, Array([0, 0, 400, 300])
    inner.Resources = Dictionary(Font=Dictionary(F1=helvetica()))
    outer.Resources = Dictionary(XObject=Dictionary(In=inner))
    page = document.pages[0]
    page.obj.Contents = document.make_stream(b"/Out Do")
    page.obj.Resources.XObject = Dictionary(Out=outer)
    return saved(document)


def inherited_resources(value):
    document = drawn(line(value))
    page = document.pages[0].obj
    page.Parent.Resources = page.Resources
    del page.Resources
    return saved(document)


def content_in_pieces(value):
    document = blank()
    whole = line(value)
    cut = whole.index(b" Tj")
    page = document.pages[0].obj
    page.Contents = Array([document.make_stream(whole[:cut]), document.make_stream(whole[cut:])])
    return saved(document)


def cid_font(value, *, ligature=False):
    """An embedded TrueType font with two bytes for a glyph, and a ToUnicode map."""
    font = TTFont(DEJAVU)
    cmap, metrics = font.getBestCmap(), font["hmtx"]
    words = f"before {value} after"
    glyphs: list[tuple[int, str]] = []
    for letters in re.findall("ffi|." if ligature else ".", words):
        name = cmap[0xFB03] if letters == "ffi" else cmap[ord(letters)]
        glyphs.append((font.getGlyphID(name), letters))
    scale = 1000 / font["head"].unitsPerEm
    widths = []
    for number in sorted({number for number, _ in glyphs}):
        widths += [number, Array([metrics[font.getGlyphName(number)][0] * scale])]
    document = blank()
    pairs = "\n".join(
        f"<{number:04x}> <{letters.encode('utf-16-be').hex()}>"
        for number, letters in sorted(set(glyphs))
    )
    to_unicode = (
        "/CIDInit /ProcSet findresource begin begincmap /CMapType 2 def"
        " 1 begincodespacerange <0000> <ffff> endcodespacerange"
        f" {len(set(glyphs))} beginbfchar\n{pairs}\nendbfchar endcmap end"
    )
    file = document.make_stream(DEJAVU.read_bytes())
    described = Dictionary(
        Type=Name.FontDescriptor, FontName=Name("/ABCDEF+DejaVu"), Flags=4, ItalicAngle=0,
        FontBBox=Array([-1000, -400, 1800, 1200]), Ascent=928, Descent=-236, CapHeight=730,
        StemV=80, FontFile2=file,
    )  # fmt: skip
    inner = Dictionary(
        Type=Name.Font, Subtype=Name.CIDFontType2, BaseFont=Name("/ABCDEF+DejaVu"),
        CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
        FontDescriptor=described, DW=600, W=Array(widths), CIDToGIDMap=Name.Identity,
    )  # fmt: skip
    page = document.pages[0].obj
    page.Resources.Font.F2 = Dictionary(
        Type=Name.Font, Subtype=Name.Type0, BaseFont=Name("/ABCDEF+DejaVu"),
        Encoding=Name("/Identity-H"), DescendantFonts=Array([inner]),
        ToUnicode=document.make_stream(to_unicode.encode()),
    )  # fmt: skip
    codes = "".join(f"{number:04x}" for number, _ in glyphs)
    page.Contents = document.make_stream(f"BT /F2 12 Tf 30 150 Td <{codes}> Tj ET".encode())
    return saved(document)


def beyond_the_first_plane(value):
    """A letter before the value that takes two units in UTF-16."""
    document = pikepdf.open(io.BytesIO(cid_font(value)))
    font = document.pages[0].Resources.Font.F2
    meanings = font.ToUnicode.read_bytes().replace(b"<0062>", b"<d83dde00>")
    font.ToUnicode = document.make_stream(meanings.replace(b"<0074>", b"<d83dde01>"))
    words = document.pages[0].Contents.read_bytes()
    other = b"BT /F1 12 Tf 30 220 Td (before) Tj 0 -150 Td (after) Tj ET "
    document.pages[0].obj.Contents = document.make_stream(words + b" " + other)
    return saved(document)


def shuffled_codes(value):
    """A font whose codes are not letters: only its ToUnicode map says what they mean."""
    words = f"before {value} after"
    letters = sorted(set(words))
    code = {letter: 1 + n for n, letter in enumerate(letters)}
    document = blank()
    pairs = "\n".join(f"<{code[one]:02x}> <{ord(one):04x}>" for one in letters)
    names = [Name(f"/g{n}") for n in range(len(letters))]
    box = document.make_stream(b"500 0 0 0 400 700 d1 0 0 400 700 re f")
    font = Dictionary(
        Type=Name.Font, Subtype=Name.Type3, FontBBox=Array([0, 0, 500, 700]),
        FontMatrix=Array([0.001, 0, 0, 0.001, 0, 0]), FirstChar=1, LastChar=len(letters),
        Widths=Array([500] * len(letters)),
        CharProcs=Dictionary({str(name): box for name in names}),
        Encoding=Dictionary(Type=Name.Encoding, Differences=Array([1, *names])),
        ToUnicode=document.make_stream(
            b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange "
            + f"{len(letters)} beginbfchar\n{pairs}\nendbfchar endcmap".encode()
        ),
    )  # fmt: skip
    page = document.pages[0].obj
    page.Resources.Font.F3 = font
    codes = "".join(f"{code[letter]:02x}" for letter in words)
    page.Contents = document.make_stream(f"BT /F3 12 Tf 30 150 Td <{codes}> Tj ET".encode())
    return saved(document)


def meant_otherwise(value):
    """Marked content that says in words what its glyphs show as something else."""
    content = (
        b"BT /F1 12 Tf 30 150 Td (before ) Tj /Span <</ActualText "
        + text(value)
        + b">> BDC (xxxx) Tj (yyyy) Tj EMC ( after) Tj ET"
    )
    return saved(drawn(content))


def meant_the_same(value):
    """Marked content whose alternative text repeats what is shown."""
    content = (
        b"BT /F1 12 Tf 30 150 Td /P <</Alt " + text(f"this is {value}") + b" /MCID 0>> BDC "
        b"ET " + line(value) + b" EMC"
    )
    return saved(drawn(content))


# --- scans ----------------------------------------------------------------------------------------


def picture_of(words, size=(800, 200)):
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).text((40, 80), words, fill=0, font_size=36)
    return image


def scan(value, *, way="DCT", layer=True):
    """A page that is a picture; and, with a `layer`, an invisible text over it."""
    words = f"before {value} after"
    image = picture_of(words)
    document = blank()
    page = document.pages[0].obj
    if way == "DCT":
        out = io.BytesIO()
        image.save(out, "JPEG", quality=90)
        stream = document.make_stream(out.getvalue())
        stream.Filter = Name.DCTDecode
    elif way == "one bit":
        image = image.convert("1")
        stream = document.make_stream(image.tobytes())
    else:
        stream = document.make_stream(image.tobytes())
    stream.Type, stream.Subtype = Name.XObject, Name.Image
    stream.Width, stream.Height = image.size
    stream.ColorSpace, stream.BitsPerComponent = Name.DeviceGray, 1 if way == "one bit" else 8
    page.Resources.XObject = Dictionary(Im=stream)
    content = b"q 400 0 0 100 0 100 cm /Im Do Q"
    if layer:
        # Each word where the picture shows it.
        drawing = ImageDraw.Draw(image)
        at = 0
        for word in words.split():
            start = drawing.textlength(words[:at], font_size=36) / 2 + 20
            content += b" BT 3 Tr /F1 18 Tf %f 144 Td " % start + text(word) + b" Tj ET"
            at += len(word) + 1
    page.Contents = document.make_stream(content)
    return saved(document)


# --- behind the pages -----------------------------------------------------------------------------


def with_page(change):
    """A document with two ordinary words on its page, changed by `change`."""

    def make(value):
        document = drawn(b"BT /F1 12 Tf 30 150 Td (before and after) Tj ET")
        change(document, value)
        return saved(document)

    return make


def look(document, value):
    stream = document.make_stream(b"/Tx BMC BT /F1 10 Tf 2 4 Td " + text(value) + b" Tj ET EMC")
    stream.Type, stream.Subtype, stream.BBox = Name.XObject, Name.Form, Array([0, 0, 200, 20])
    stream.Resources = Dictionary(Font=Dictionary(F1=helvetica()))
    return stream


def add_note(document, **more):
    note = Dictionary(Type=Name.Annot, Rect=[20, 20, 220, 40], **more)
    document.pages[0].obj.Annots = Array([document.make_indirect(note)])
    return note


def _annotation(document, value):
    add_note(document, Subtype=Name.Text, Contents=f"note {value} ends", T="me")


def _free_text(document, value):
    look_of = Dictionary(N=look(document, f"says {value}"))
    add_note(document, Subtype=Name.FreeText, Contents=f"says {value}", AP=look_of, DA=b"/F1 9 Tf")


def _only_in_the_look(document, value):
    add_note(document, Subtype=Name.Stamp, AP=Dictionary(N=look(document, f"stamp {value}")))


def _link(document, value):
    action = Dictionary(S=Name.URI, URI=f"https://example.com/?id={value}&x=1")
    add_note(document, Subtype=Name.Link, A=action)


def _field(document, value, **more):
    field = Dictionary(
        Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T="number", V=value, DV=value,
        Rect=[20, 20, 220, 40], DA=b"/F1 10 Tf", AP=Dictionary(N=look(document, value)), **more,
    )  # fmt: skip
    field = document.make_indirect(field)
    document.pages[0].obj.Annots = Array([field])
    document.Root.AcroForm = Dictionary(
        Fields=Array([field]), DR=Dictionary(Font=Dictionary(F1=helvetica()))
    )


def _comb(document, value):
    """A field that shows each letter in a place of its own."""
    _field(document, value)
    letters = b"".join(
        b" 1 0 0 1 %d 4 Tm " % (18 * n) + text(one) + b" Tj" for n, one in enumerate(value)
    )
    document.pages[0].obj.Annots[0].AP.N.write(b"BT /F1 10 Tf" + letters + b" ET")


def _choice(document, value):
    _field(document, value, Opt=Array([String(value), String("other")]))
    document.pages[0].obj.Annots[0].FT = Name.Ch


def _rich(document, value):
    _field(document, value, RV=document.make_stream(f"<body><p>{value}</p></body>".encode()))


def _xfa(document, value):
    _field(document, value)
    form = document.make_stream(f"<xdp><data><n>{value}</n></data></xdp>".encode())
    document.Root.AcroForm.XFA = Array([String("datasets"), form])


def _attachment(document, value):
    document.attachments["notes.txt"] = f"some {value} words".encode()


def _attached_zip(document, value):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", f"deep {value} inside")
    document.attachments["a.zip"] = out.getvalue()


def _attached_pdf(document, value):
    document.attachments["inner.pdf"] = one_string(value)


def _name_of_attachment(document, value):
    document.attachments[f"{value}.txt"] = b"words"


def _outline(document, value):
    with document.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem(f"chapter {value}", 0))


def _destination(document, value):
    names = Array([String(f"to {value}"), Array([document.pages[0].obj, Name.Fit])])
    document.Root.Names = Dictionary(Dests=Dictionary(Names=names))


def _old_destination(document, value):
    document.Root.Odd = pikepdf.Object.parse(b"[/Caf#e9#20number#207]")  # not UTF-8
    document.Root.Dests = Dictionary({f"/{value}": Array([document.pages[0].obj, Name.Fit])})
    add_note(document, Subtype=Name.Link, Dest=Name(f"/{value}"))


def _info(document, value):
    document.docinfo.Title = f"title {value}"
    document.docinfo.Author = "the author"


def _title_by_itself(document, value):
    """Strings and numbers may be objects of their own."""
    document.docinfo.Title = document.make_indirect(String(f"title {value}"))
    document.pages[0].obj.Extra = document.make_indirect(pikepdf.Object.parse(b"42"))


def _xmp(document, value):
    with document.open_metadata(set_pikepdf_as_editor=False) as xmp:
        xmp["dc:title"] = f"title {value}"
        xmp["pdfaid:part"] = "2"


def _label(document, value):
    document.Root.PageLabels = Dictionary(Nums=Array([0, Dictionary(P=String(f"{value}-"))]))


def _structure(document, value):
    element = document.make_indirect(
        Dictionary(Type=Name.StructElem, S=Name.P, ActualText=value, Alt=f"alt {value}")
    )
    document.Root.StructTreeRoot = Dictionary(Type=Name.StructTreeRoot, K=Array([element]))
    document.Root.MarkInfo = Dictionary(Marked=True)


def _script(document, value):
    code = document.make_stream(f"app.alert('{value}');".encode())
    document.Root.OpenAction = Dictionary(S=Name.JavaScript, JS=code)


def _script_string(document, value):
    document.Root.OpenAction = Dictionary(S=Name.JavaScript, JS=f"var x = '{value}';")


def _layer(document, value):
    group = document.make_indirect(Dictionary(Type=Name.OCG, Name=f"layer {value}"))
    document.Root.OCProperties = Dictionary(OCGs=Array([group]), D=Dictionary(Order=Array([group])))


def _private(document, value):
    data = document.make_stream(f"a copy of {value}".encode())
    document.pages[0].obj.PieceInfo = Dictionary(Tool=Dictionary(Private=data))
    document.docinfo.Title = value


def _unused_object(document, value):
    document.docinfo.Title = value
    document.pages[0].obj.Resources.Extra = Dictionary(Words=String(value))


def revised(value):
    """A file that was saved again: the old page is still in it."""
    old = one_string(value)
    document = pikepdf.open(io.BytesIO(old))
    number = document.pages[0].obj.Contents.objgen[0]
    content = b"BT /F1 12 Tf 30 150 Td (before and after) Tj ET"
    at = len(old)
    new = b"%d 0 obj\n<< /Length %d >>\nstream\n" % (number, len(content)) + content
    new += b"\nendstream\nendobj\n"
    start = int(re.findall(rb"startxref\s+(\d+)", old)[-1])
    table = b"xref\n%d 1\n%010d 00000 n \ntrailer\n" % (number, at)
    root = document.Root.objgen[0]
    table += b"<< /Size %d /Root %d 0 R /Prev %d >>\n" % (len(document.objects) + 1, root, start)
    return old + new + table + b"startxref\n%d\n%%%%EOF\n" % (at + len(new))


def behind_the_end(value):
    return one_string("nothing") + f"\n% {value} stands here\n".encode()


def in_object_streams(value):
    document = pikepdf.open(io.BytesIO(with_page(_info)(value)))
    return saved(document, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def signed(value):
    document = drawn(line(value))
    signature = Dictionary(
        Type=Name.Sig, Filter=Name("/Adobe.PPKLite"), Contents=b"\0" * 32, ByteRange=[0, 1, 2, 3]
    )
    _field(document, "x")
    document.pages[0].obj.Annots[0].FT = Name.Sig
    document.pages[0].obj.Annots[0].V = document.make_indirect(signature)
    return saved(document)


ON_PAGES = {
    maker.__name__: maker
    for maker in (
        one_string, kerned, split_over_strings, placed_letter_by_letter, spaced, quotes, rotated,
        turned_page, over_a_line_break, twice_over, unbalanced, in_a_form, in_a_form_in_a_form,
        inherited_resources, content_in_pieces, cid_font, beyond_the_first_plane, shuffled_codes, meant_otherwise,
        meant_the_same,
    )
}  # fmt: skip

BEHIND = {
    "revised": revised,
    "behind_the_end": behind_the_end,
    "in_object_streams": in_object_streams,
    **{
        change.__name__.removeprefix("_"): with_page(change)
        for change in (
            _annotation, _free_text, _only_in_the_look, _link, _field, _comb, _choice, _rich, _xfa,
            _attachment, _attached_zip, _attached_pdf, _name_of_attachment, _outline, _destination,
            _old_destination, _info, _title_by_itself, _xmp, _label, _structure, _script, _script_string, _layer,
            _private, _unused_object,
        )
    },
}  # fmt: skip


# --- judges ---------------------------------------------------------------------------------------


def page_words(data):
    """The text of all pages. A hyphen at the end of a line, which pdfium tells by a sign of its own, is one."""
    with pdfium.PdfDocument(data) as document:
        pages = [page.get_textpage().get_text_range() for page in document]
    return "\n".join(pages).replace("\ufffe", "-")


def seen_by(data, folder):
    """What each judge sees in the file, as one text for each; without a `folder`, no programs run."""
    said = {
        "bytes": data.decode("latin-1"),
        "pdfium": page_words(data),
        "streams": streams_of(data),
        "revisions": _revisions(data),
    }
    if folder is None or "pdftotext" not in TOOLS or "qpdf" not in TOOLS:
        return said
    path = folder / "judged.pdf"
    path.write_bytes(data)
    out = folder / "attached"
    out.mkdir(exist_ok=True)
    said["pdftotext"] = _run("pdftotext", path, "-")
    said["pdftotext -raw"] = _run("pdftotext", "-raw", path, "-")
    said["pdfinfo"] = "".join(
        _run("pdfinfo", option, path) for option in ("-isodates", "-meta", "-js", "-dests", "-struct-text", "-url")
    )  # fmt: skip
    _run("pdfdetach", "-saveall", "-o", out, path)
    said["pdfdetach"] = "".join(
        file.name + file.read_bytes().decode("latin-1") for file in sorted(out.iterdir())
    )
    check = subprocess.run(["qpdf", "--check", path], capture_output=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr
    said["qpdf"] = _run("qpdf", "--qdf", "--object-streams=disable", path, "-")
    if "mutool" in TOOLS:
        said["mutool"] = _run("mutool", "draw", "-F", "text", path)
    return said


def _run(*words):
    done = subprocess.run([*map(str, words)], capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace")


def streams_of(data):
    """Every string and name, and every stream that can be decoded, in one text."""
    said = []
    with pikepdf.open(io.BytesIO(data)) as document:
        for item in document.objects:
            if not isinstance(item, pikepdf.Stream):
                said.append(item.unparse().decode("latin-1"))
                continue
            said.append(item.stream_dict.unparse().decode("latin-1"))
            try:
                content = item.read_bytes()
            except pikepdf.PdfError:
                continue
            said += _unpacked(content)
            said.append(content.decode("latin-1"))
            said.append(content.decode("utf-16-be", "replace"))
    return "\n".join(said)


def _unpacked(content):
    if content.startswith(b"%PDF"):
        return [streams_of(content)]
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [archive.read(name).decode("latin-1") for name in archive.namelist()]
    return []


def _revisions(data):
    """The text of pages of earlier revisions."""
    ends = [match.end() for match in re.finditer(rb"%%EOF\s*", data)][:-1]
    return "\n".join(page_words(data[:end]) for end in ends)


def finds(value, said):
    """Is `value` in it, letters in a row or apart?"""
    squeezed = "".join(said.split())
    wanted = "".join(value.split())
    hexed = value.encode("latin-1").hex()
    wide = value.encode("utf-16-be").hex()
    return any(form in squeezed.lower() for form in (wanted.lower(), hexed, wide))
