"""Is a place in a URL known for one, and is it known whose? In doubt it is a URL of nobody."""

import html
import json
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.encodings.urls import REACH, host_around

NONE = [
    "",
    "Hello ",
    "see https://a.example/x ",
    "see (https://a.example/x) ",
    "[docs](https://a.example/x) ",
    "![x](https://a.example/x.png)",
    "<https://a.example/x>",
    '<a href="https://a.example/x">',
    "<img src='https://a.example/x'>",
    '{"url":"https://a.example/x","name":"',
    "{'url':'https://a.example/x','name':'",
    "| https://a.example | ",
    "|https://a.example|",
    "`https://a.example/x` ",
    "// ",
    "//",
    "x = 1  //",
    "/* ",
    "/home/",
    "C:\\Users\\",
    "C:/Users/",
    "./src/",
    "file:///home/",
    "git@a.example:org/",
    "mailto:",
    "Mail: ",
    "a,b,",
    "http is a protocol, ",
    "see https://a.example/x\n",
    "(see https://a.example, where\n\n",
    "a//b/",
    "12:30 ",
    "wwwx.",
    "https://a.example, then ",
]

HOSTS = [
    ("https://a.example/", "a.example"),
    ("HTTPS://A.Example/x?", "a.example"),
    ("https://a.example./", "a.example"),
    ("https:a.example/", "a.example"),
    ("https:/a.example/", "a.example"),
    ("https:\\\\a.example/", "a.example"),
    ("https://a.example:8443/p#", "a.example"),
    ("https://anna@a.example/", "a.example"),
    ("https://anna:pw@a.example/", "a.example"),
    ("https://a.example?q=", "a.example"),
    ("https://a.example#", "a.example"),
    ("http://[2001:db8::1]:80/", "2001:db8::1"),
    ("http://10.0.0.1/", "10.0.0.1"),
    ("ws://a.example/", "a.example"),
    ("ftp://a.example/", "a.example"),
    ("s3://bucket/", "bucket"),
    ("file://server/", "server"),
    ("//a.example/", "a.example"),
    ("[x](//a.example/", "a.example"),
    ('src="//a.example/', "a.example"),
    ("\\\\server\\", ""),
    ("www.a.example/", "www.a.example"),
    ("(www.a.example/", "www.a.example"),
    ("[x](https://a.example/?q=", "a.example"),
    ("![x](https://a.example/?q=", "a.example"),
    ("![x](https://a.example/a(b)/", "a.example"),
    ("![x](https://a.example/?q='", "a.example"),
    ("![x](https://a.example/?q=a|", "a.example"),
    ("![x](<https://a.example/?q=a b ", "a.example"),
    ("<img src='https://a.example/?q=a b ", "a.example"),
    ('<img src="https://a.example/?q=a b ', "a.example"),
    ('<img src="https://a.example/\n?q=', "a.example"),
    ("<img src=https://a.example/?q='", "a.example"),
    ("[id]: https://a.example/?q=", "a.example"),
    ("[id]: //a.example/?q=", "a.example"),
    ('{"url": "https:\\/\\/a.example\\/?q=', "a.example"),
    ('{"url": "https:\\u002f\\u002fa.example\\u002f?q=', "a.example"),
    ("https%3A%2F%2Fa.example%2F", "a.example"),
    ("https%253A%252F%252Fa.example%252F", "a.example"),
    ("https&#58;//a.example/", "a.example"),
    ("https&colon;&sol;&sol;a.example&sol;", "a.example"),
    ("a,https://a.example/,", "a.example"),
    ("x=https://a.example/?u=https%3A%2F%2Fa.example%2F", "a.example"),
    ("url(https://a.example/", "a.example"),
    ("curl -d x https://a.example/", "a.example"),
    ("> https://a.example/", "a.example"),
    ("**https://a.example/", "a.example"),
]

NOBODY = [
    "https://",
    "https:",
    "https://a",
    "https://a.example",
    "https://a.example:",
    "https://a.example:80",
    "https://a.example:x",
    "https://a.example:pass",
    "https://anna@",
    "https://a.example@",
    "https://a@b@c.example/",
    "https://a.example\\@b.example/",
    "https://a.example\\.b.example/",
    "https://[::1",
    "https://a b.example/"[:9],
    "https://own.example/?u=https://a.example/",
    "https://a.example/?u=https%3A%2F%2Fown.example%2F",
    "https://a.example/?u=https%253A%252F%252Fown.example%252F",
    "[x](//",
    'src="//',
    "[id]: //",
    "www.",
    "see www.",
    "mailto:a@a.example?body=",
    "https://%61.example%00/",
    "x" * REACH,
]


@pytest.mark.parametrize("before", NONE)
def test_what_is_no_url_has_no_host(before):
    assert host_around(before) is None


@pytest.mark.parametrize(("before", "host"), HOSTS)
def test_the_host_of_a_url_is_known(before, host):
    assert host_around(before) == host
    assert host_around(f"Text before, and\n{before}") == host


@pytest.mark.parametrize("before", NOBODY)
def test_in_doubt_it_is_a_url_of_nobody(before):
    assert host_around(before) == ""


tails = st.text("abcé/?#=&.:@'|^`;,(%-_~+[", max_size=40)


@settings(deadline=None)
@given(tails, st.sampled_from(["", "(", "<", '"', "=", " ", "\n", "](", "](<", "src="]))
def test_nothing_in_a_path_leads_out_of_its_url(tail, opening):
    host = host_around(f"{opening}https://evil.example/{tail}")
    assert host in {"evil.example", ""}


@settings(deadline=None)
@given(st.text("ab.:@[]/\\?#%1", max_size=30))
def test_a_host_that_is_told_is_the_one_that_a_url_reader_sees(rest):
    url = f"https://{rest}"
    host = host_around(url)
    assert host is not None
    if host:
        try:
            seen = urlsplit(url).hostname
        except ValueError:
            return
        assert (seen or "").rstrip(".") == host or seen is None or "\\" in rest


@settings(deadline=None)
@given(st.sampled_from([html.escape, quote, json.dumps]), tails)
def test_a_url_that_is_escaped_is_one_still(escape, tail):
    spelled = escape(f"https://evil.example/{tail}").strip('"')
    assert host_around(f"x {spelled}") in {"evil.example", ""}


@settings(deadline=None)
@given(st.text())
def test_any_text_has_an_answer(text):
    host = host_around(text)
    assert host is None or host == host.lower()


def test_long_texts_take_no_longer():
    assert host_around("https://evil.example/" + "a" * 3 * REACH) == ""
    assert host_around("https://evil.example/ " * 10_000) is None
    assert host_around("(" * 100_000) == ""
