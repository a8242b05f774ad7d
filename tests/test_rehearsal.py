"""What is tried is what would be sent."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import protocols, rehearsal
from gateway.model import Act, BlobPart, TextPart
from gateway.rehearsal import Sending
from gateway.services import Catalogue


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue.load()


def extracted(data, sending):
    exchange = rehearsal._exchange(data, sending, "host.invalid")
    return protocols.of("generic", exchange).extract(exchange, protocols.Limits())


NAMES = st.binary().map(lambda name: name.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
"""Names of files, as the system gives them."""


@given(st.binary(), NAMES)
@settings(deadline=None)
def test_an_upload_holds_the_file_as_it_is(data, name):
    """Whatever the file is called, its name cannot end the part's header."""
    found = extracted(data, Sending(upload=True, name=name))
    assert [part.data for part in found.parts if isinstance(part, BlobPart)] == [data]


@given(st.text(min_size=1))
@settings(deadline=None)
def test_a_prompt_holds_the_text_as_it_is(text):
    found = extracted(text.encode(), Sending())
    texts = {part.text for part in found.parts if isinstance(part, TextPart)}
    blobs = {part.data for part in found.parts if isinstance(part, BlobPart)}
    assert text.encode() in blobs | {each.encode() for each in texts}


@pytest.mark.parametrize(
    ("sending", "service", "operation", "act"),
    [
        (Sending(), "unknown", "other", Act.PROMPT),
        (Sending(upload=True), "unknown", "other", Act.UPLOAD),
        (Sending("openai-api"), "openai-api", "other", Act.PROMPT),
        (Sending("openai-api", upload=True), "openai-api", "other", Act.UPLOAD),
        (Sending("openai-api", "embeddings"), "openai-api", "embeddings", Act.EMBED),
    ],
)
def test_a_file_goes_where_it_is_sent(catalogue, sending, service, operation, act):
    route, _ = rehearsal._destination(catalogue, sending)
    assert (route.service, route.operation, route.act) == (service, operation, act)


@pytest.mark.parametrize("sending", [Sending("openai-apy"), Sending("openai-api", "no-such")])
def test_where_nobody_is_nothing_goes(catalogue, sending):
    with pytest.raises(LookupError):
        rehearsal._destination(catalogue, sending)


@pytest.mark.parametrize(
    ("actor", "address", "sender"),
    [
        ("ann", "10.1.2.3", "ann"),
        ("", "10.1.2.3", "10.1.2.0/24"),
        ("", "::ffff:10.1.2.3", "10.1.2.0/24"),
        ("", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("", "?", "unknown"),
    ],
)
def test_a_sender_is_an_actor_or_a_network(actor, address, sender):
    assert rehearsal.sender(SimpleNamespace(actor=actor, source_ip=address)) == sender
