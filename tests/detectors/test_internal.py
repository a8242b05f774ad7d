"""Names of internal machines and packages: what makes a host of a name, and what does not."""

from __future__ import annotations

import pytest
from support.gateway import KEY

from gateway.detectors import Engine, Internal, Settings


@pytest.fixture(scope="module")
def ours(cache):
    names = Internal(hosts=("acme.example",), packages=("com.acme", "@acme/", "acme_internal"))
    return Engine.build(Settings(internal=names), key=KEY, cache_dir=cache)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("ssh deploy@db-01.prod.corp now", "suffix", "db-01.prod.corp"),
        ("see http://wiki.internal/x", "suffix", "wiki.internal"),
        ("connect to cache.default.svc.cluster.local:6379", "suffix", "cache.default.svc.cluster.local"),
        ("the host vault.internal is down", "suffix", "vault.internal"),
        ("jira.corp", "suffix", "jira.corp"),
        ("open http://jenkins:8080/job/1", "single", "jenkins"),
        ("postgres://app@db-main/orders", "single", "db-main"),
        ("curl http://10.1.2.3:8080/health", "address", "10.1.2.3"),
        ("https://user:x@192.168.0.4/", "address", "192.168.0.4"),
        ("http://[fd12:3456::1]:80/", "address", "[fd12:3456::1]"),
        (r"copy \\fs-01\share\plan.docx", "share", "fs-01"),
        ("api.acme.example and more", "own", "api.acme.example"),
        ("git@git.acme.example:team/x", "own", "git.acme.example"),
    ],
)  # fmt: skip
def test_internal_hosts_are_found(ours, text, kind, name):
    found = {(m.detector, text[m.start : m.end]) for m in ours.scan(text).matches}
    assert (f"host:{kind}", name) in found


@pytest.mark.parametrize(
    "text",
    [
        "threading.local is an attribute, so is foo.internal",
        "self.local = sun.misc.internal.Unsafe",
        "state.private(1) and obj.local = 3",
        "http://localhost:8000/ http://example/ http://your-host/ http://host:port/",
        "http://8.8.8.8/ and https://www.example.com/a",
        "metadata.google.internal and host.docker.internal",
        "mail bob@acme.example",
        "notacme.example and acme.example.org",
        r"regex \\d+\\w and C:\\Users\\bob",
    ],
)
def test_names_of_programs_are_left_alone(ours, text):
    found = [m for m in ours.scan(text).matches if m.entity == "INTERNAL_HOST"]
    assert [(m.detector, text[m.start : m.end]) for m in found] == []


def test_internal_packages_are_found_whole(ours):
    text = "import com.acme.billing.Tax; com.acmed.x; acme_internal.tools acme_internals '@acme/ui-kit'"
    found = [
        text[m.start : m.end] for m in ours.scan(text).matches if m.entity == "INTERNAL_PACKAGE"
    ]
    assert found == ["com.acme.billing.Tax", "acme_internal.tools", "@acme/ui-kit"]
