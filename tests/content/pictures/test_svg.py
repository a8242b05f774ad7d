from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from gateway.content.pictures import svg
from gateway.content.reading import Budget, Embedded, FileLimits, Missed, Stop, Text

PICTURE = b"\x89PNG\r\n\x1a\nrest"
DRAWING = f"""<?xml version="1.0"?><!-- COMMENT-PLANTED -->
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" id="ID-PLANTED">
<title>TITLE-PLANTED</title><metadata><creator>CREATOR-PLANTED</creator></metadata>
<style>.a {{ content: "STYLE-PLANTED" }}</style><script>var a = "SCRIPT-PLANTED"</script>
<text x="1" y="2"><tspan>SPLIT-</tspan><tspan>WORD</tspan></text>
<g display="none"><text>HIDDEN-PLANTED</text></g>
<path d="M0 0L10 10"/><a xlink:href="https://host.example/LINK-PLANTED"><text>t</text></a>
<image href="data:image/png;base64,{base64.b64encode(PICTURE).decode()}"/>
</svg>""".encode()


def said(data):
    return list(svg.read(data, Budget(FileLimits(), len(data))))


def test_everything_planted_is_said():
    spoken = {part.text: part.hidden for part in said(DRAWING) if isinstance(part, Text)}
    joined = "\n".join(spoken)
    for place in ("COMMENT", "ID", "TITLE", "CREATOR", "STYLE", "SCRIPT", "HIDDEN", "LINK"):
        assert f"{place}-PLANTED" in joined
    assert spoken["SPLIT-WORD"] is False
    assert spoken["HIDDEN-PLANTED"] is True


def test_pictures_within_are_files_within():
    assert [part.data for part in said(DRAWING) if isinstance(part, Embedded)] == [PICTURE]


def test_a_document_type_is_refused():
    for body in (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>', b"<!doctype svg><svg/>"):
        (missed,) = said(body)
        assert isinstance(missed, Missed)
        assert missed.detail == "doctype"
    assert (
        said('<?xml version="1.0" encoding="utf-16"?><!DOCTYPE svg><svg/>'.encode("utf-16"))[
            0
        ].detail
        == "doctype"
    )


def test_the_document_type_that_programs_write_is_no_hindrance():
    for number, kind in (("1.1", "svg11"), ("1.0", "svg10")):
        head = (
            f'<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG {number}//EN"\n'
            f' "http://www.w3.org/Graphics/SVG/{number}/DTD/{kind}.dtd">\n'
        )
        found = said(f"{head}<svg><text><tspan>41</tspan><tspan>11</tspan></text></svg>".encode())
        assert any(isinstance(one, Text) and one.text == "4111" for one in found)
        (missed,) = said(f'{head}<!ENTITY a "b"><svg>&a;</svg>'.encode())
        assert missed.detail == "doctype"


def test_what_is_no_xml_is_missed():
    assert said(b"<svg><unclosed></svg>") == [Missed("svg", "malformed", 21, "xml")]


def test_deep_nesting_does_not_end_the_process():
    deep = b"<svg>" + b"<g>" * 50_000 + b"</g>" * 50_000 + b"</svg>"
    assert said(deep)


@given(st.text(alphabet='<>/="svgtext &;#x0!-[]', max_size=120))
def test_any_text_is_read_or_missed(text):
    try:
        said(b"<svg>" + text.encode() + b"</svg>")
    except Stop:
        pass
