"""Every page shows what it is for, to those who may see it."""

from __future__ import annotations

import pytest
from support.console import ALL_ROLES

PAGES = {
    "/console/": ["What leaves, to whom, on what terms", "OpenAI API", "tunnel.example.com"],
    "/console/services": ["Midjourney", "Trains on input"],
    "/console/services/midjourney": ["Licence cannot be taken back", "imagine"],
    "/console/policies": ["distinctive-ids", "Run the test cases"],
    "/console/policies/cards": ["As it is in force", "id: cards"],
    "/console/scratch": ["Try it", "chat_completions"],
    "/console/health": ["OperationalError", "siem", "timeout"],
    "/console/audit": ["account.created"],
    "/console/accounts": ["Who may do what", "New account"],
    "/console/me": ["API keys"],
}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_what_it_is_for(shared, path):
    answer = shared.browser(*ALL_ROLES).open(path)
    assert answer.status_code == 200
    for words in PAGES[path]:
        assert words in answer.text
