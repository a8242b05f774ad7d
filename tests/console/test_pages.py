"""Every page shows what it is for, to those who may see it."""

from __future__ import annotations

import pytest
from support.console import ALL_ROLES, NOON

from gateway.shadow.ledger import Ledger, Seen

PAGES = {
    "/console/": ["What leaves, to whom, on what terms", "OpenAI API", "tunnel.example.com"],
    "/console/coaching": ["Did it help?", "Nobody was coached."],
    "/console/services": ["Midjourney", "Trains on input"],
    "/console/services/shadow": ["Shadow AI", "gpt.example.net", "its name has"],
    "/console/services/shadow/gpt.example.net": ["Draft of a service", "id: example", "Dismiss"],
    "/console/services/midjourney": ["Licence cannot be taken back", "imagine"],
    "/console/policies": ["distinctive-ids", "Run the test cases", "1,000,000 rows"],
    "/console/policies/cards": ["As it is in force", "id: cards"],
    "/console/scratch": ["Try it", "chat_completions"],
    "/console/health": ["OperationalError", "siem", "timeout"],
    "/console/audit": ["account.created"],
    "/console/accounts": ["Who may do what", "New account"],
    "/console/me": ["API keys"],
}


@pytest.fixture(scope="module")
def suspicious(shared):
    """Somebody was at a host that looks like an AI service."""
    seen = {("gpt.example.net", NOON.date(), "ann"): Seen(NOON, NOON, 3, 0, 4096, 1 << 20)}
    Ledger(shared.engine).add(seen, {"gpt.example.net": frozenset({"word:gpt"})})


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.usefixtures("suspicious")
def test_a_page_shows_what_it_is_for(shared, path):
    answer = shared.browser(*ALL_ROLES).open(path)
    assert answer.status_code == 200
    for words in PAGES[path]:
        assert words in answer.text
