"""Does each piece of an upload meet the end of the one before it, and no other?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.exchanges import exchange
from support.gate import decision

from gateway.model import Before, Forward, Refuse
from gateway.proxy.uploads import KEPT, Uploads
from gateway.services import Catalogue

CATALOGUE = Catalogue.load()
TEXT = bytes(range(97, 123))


def ranged(at, size, *, target="/up", total="*", said=None, **more):
    data = TEXT[at : at + size] if said is None else said
    value = f"bytes {at}-{at + len(data) - 1}/{total}".encode()
    return exchange(data, method="PUT", target=target, headers=((b"content-range", value),), **more)


def unnumbered(said, *, target="/v1/uploads/u/parts", **more):
    head = b'--b\r\nContent-Disposition: form-data; name="data"\r\n\r\n'
    kind = ((b"content-type", b"multipart/form-data; boundary=b"),)
    return exchange(head + said + b"\r\n--b--\r\n", target=target, headers=kind, **more)


def sent(uploads, request, *, refused=False):
    """What the piece met; it has gone out then, or was refused."""
    asked = uploads.before(request)
    answer = Refuse("policy", 400, (), b"") if refused else Forward()
    uploads.note(asked, decision(asked, CATALOGUE, answer))
    return asked.before


def test_each_piece_meets_the_end_of_the_one_before_it():
    uploads = Uploads()
    assert sent(uploads, ranged(0, 5)) == Before(b"")
    assert sent(uploads, ranged(5, 5)) == Before(b"abcde")
    assert sent(uploads, ranged(10, 5)) == Before(b"abcdefghij")
    assert sent(uploads, ranged(15, 5, total=20)) == Before(b"abcdefghijklmno")
    assert len(uploads) == 0


def test_pieces_without_numbers_follow_one_another():
    uploads = Uploads()
    assert sent(uploads, unnumbered(b"abc")) == Before(b"")
    assert sent(uploads, unnumbered(b"def")) == Before(b"abc")
    assert sent(uploads, unnumbered(b"ghi")) == Before(b"abcdef")


@given(st.lists(st.integers(1, 3 * KEPT), min_size=1, max_size=5))
def test_no_more_than_the_end_is_kept(sizes):
    uploads = Uploads()
    whole = b""
    for number, size in enumerate(sizes):
        said = bytes([97 + number]) * size
        assert sent(uploads, ranged(len(whole), size, said=said)) == Before(whole[-KEPT:])
        whole += said


def test_a_piece_that_comes_again_meets_the_same():
    uploads = Uploads()
    sent(uploads, ranged(0, 5))
    assert sent(uploads, ranged(5, 5)) == Before(b"abcde")
    assert sent(uploads, ranged(5, 5)) == Before(b"abcde")
    assert sent(uploads, ranged(10, 5)) == Before(b"abcdefghij")


def test_after_a_refused_piece_the_upload_stands_where_it_stood():
    uploads = Uploads()
    sent(uploads, ranged(0, 5))
    assert sent(uploads, ranged(5, 5), refused=True) == Before(b"abcde")
    assert sent(uploads, ranged(5, 5)) == Before(b"abcde")
    sent(uploads, unnumbered(b"abc"))
    sent(uploads, unnumbered(b"xxx"), refused=True)
    assert sent(uploads, unnumbered(b"def")) == Before(b"abc")


@pytest.mark.parametrize("at", [4, 6, 10])
def test_a_piece_that_does_not_follow_meets_nothing_known_nor_does_any_after_it(at):
    uploads = Uploads()
    sent(uploads, ranged(0, 5))
    assert sent(uploads, ranged(at, 3)) is None
    assert sent(uploads, ranged(5, 5)) is None
    # From the beginning again all is well.
    assert sent(uploads, ranged(0, 5)) == Before(b"")
    assert sent(uploads, ranged(5, 5)) == Before(b"abcde")


def test_pieces_side_by_side_meet_nothing_known():
    uploads = Uploads()
    first = uploads.before(ranged(0, 5, id="1"))
    assert first.before == Before(b"")
    assert sent(uploads, ranged(5, 5, id="2")) is None
    assert sent(uploads, ranged(0, 5, id="3")) is None
    uploads.note(first, decision(first, CATALOGUE))
    assert sent(uploads, ranged(5, 5, id="4")) is None


def test_a_first_piece_in_the_middle_meets_nothing_known():
    uploads = Uploads()
    assert sent(uploads, ranged(5, 5)) is None
    assert len(uploads) == 0


def test_a_piece_that_cannot_be_read_ends_what_is_known():
    uploads = Uploads()
    sent(uploads, unnumbered(b"abc"))
    odd = exchange(b"no form", target="/v1/uploads/u/parts")
    assert sent(uploads, odd) is None
    assert sent(uploads, unnumbered(b"def")) is None


@pytest.mark.parametrize("other", [{"target": "/other"}, {"source_ip": "192.0.2.9"}, {"host": "h"}])
def test_uploads_are_told_apart_by_sender_host_and_address(other):
    uploads = Uploads()
    sent(uploads, ranged(0, 5))
    assert sent(uploads, ranged(5, 5, **other)) is None
    assert sent(uploads, ranged(5, 5)) == Before(b"abcde")


def test_what_is_whole_or_no_piece_is_left_alone():
    uploads = Uploads()
    for request in (ranged(0, 5, total=5), exchange(b"{}"), exchange(b"")):
        assert uploads.before(request) is request
        uploads.note(request, decision(request, CATALOGUE))
    assert len(uploads) == 0


def test_an_upload_is_forgotten_after_a_time():
    uploads = Uploads(seconds=60)
    sent(uploads, ranged(0, 5, received_at=0))
    assert sent(uploads, ranged(5, 5, received_at=50)) == Before(b"abcde")
    assert sent(uploads, ranged(10, 5, received_at=120)) is None


def test_no_more_uploads_are_kept_than_allowed_and_the_oldest_goes():
    uploads = Uploads(most=3)
    for number in range(5):
        sent(uploads, ranged(0, 5, target=f"/{number}"))
    assert len(uploads) == 3
    assert sent(uploads, ranged(5, 5, target="/0")) is None
    assert sent(uploads, ranged(5, 5, target="/4")) == Before(b"abcde")


def test_what_is_kept_is_in_no_repr():
    uploads = Uploads()
    asked = uploads.before(ranged(0, 5))
    uploads.note(asked, decision(asked, CATALOGUE))
    again = uploads.before(ranged(5, 5))
    assert "abcde" not in repr(again) + repr(list(uploads._uploads.values()))
