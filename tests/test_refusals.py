import json

from gateway import refusals
from gateway.model import Exchange, Refuse
from gateway.services import Catalogue


def exchange(host="api.openai.com") -> Exchange:
    return Exchange("e1", 1.0, "", "", "POST", "https", host, 443, "/v1/chat/completions", (), b"x")


def test_fault_is_a_refusal_in_the_services_shape():
    catalogue = Catalogue.load()
    decision = refusals.fault(catalogue, exchange(), "timeout")
    assert isinstance(decision.enforcement, Refuse)
    assert decision.enforcement.status == 400
    assert decision.enforcement.cause == "timeout"
    assert decision.incident == "e1"
    assert decision.host == "api.openai.com"
    labelled = exchange("c-4111111111111111.openai.azure.com")
    assert refusals.fault(catalogue, labelled, "timeout").host == "*"
    assert "gateway:timeout" in json.loads(decision.enforcement.body)["error"]["message"]
