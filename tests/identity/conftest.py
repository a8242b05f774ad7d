import pytest
from support import slapd
from support.upstream import certificate

PEOPLE = {"Ann": "horse-battery", "bob": "staple", "eve": "e" * 100, "j(o)*": "odd\\name"}
GROUPS = {
    "staff": ["Ann", "bob"],
    "engineering": ["@backend"],
    "backend": ["@databases", "bob"],
    "databases": ["Ann", "@engineering"],  # a circle
    "Everybody": ["@staff", "@engineering"],
    "posix-admins": ["Ann"],
    "nobody-here": ["eve"],
}


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


@pytest.fixture(scope="session")
def directory(tmp_path_factory, tls):
    if not slapd.available():
        pytest.skip(slapd.MISSING)
    with slapd.Slapd(tmp_path_factory.mktemp("slapd") / "a", tls, PEOPLE, GROUPS) as running:
        yield running
