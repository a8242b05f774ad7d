"""What the directory says, asked of a real slapd."""

import pytest
from pydantic import TypeAdapter
from support import slapd
from support.upstream import certificate

from gateway.identity import document
from gateway.identity.directory import MAX_GROUPS, Away, Directory

ANNS = {"staff", "engineering", "backend", "databases", "everybody", "posix-admins"}


def connect(running, **changes):
    return Directory(document.Directory.model_validate(running.settings(**changes)))


@pytest.mark.parametrize("way", ["ldaps", "start_tls", "ldap"])
def test_a_password_is_checked_and_groups_are_found_however_deep(directory, way):
    changes = {
        "ldaps": {},
        "start_tls": {"servers": directory.url, "start_tls": True},
        "ldap": {"servers": directory.url},
    }[way]
    entry = connect(directory, **changes).check("ann", "horse-battery")
    assert entry is not None
    assert entry.name == "ann"
    assert entry.groups == ANNS


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("ann", "Horse-battery"),
        ("ann", ""),  # a bind without a password succeeds as nobody
        ("ann", "staple"),
        ("", "x"),
        ("nobody", "x"),
        ("*", "horse-battery"),
        ("ann)(uid=*", "horse-battery"),
        ("a*", "horse-battery"),
        ("ann", "horse-battery\0"),
    ],
)
def test_what_is_not_somebodys_password_names_nobody(directory, user, password):
    assert connect(directory).check(user, password) is None


def test_odd_names_and_long_passwords_are_as_good_as_others(directory):
    reach = connect(directory)
    assert reach.check("j(o)*", "odd\\name").name == "j(o)*"
    assert reach.check("eve", "e" * 100).groups == {"nobody-here"}


def test_people_are_found_without_a_password_too(directory):
    reach = connect(directory)
    assert reach.find("ANN").groups == ANNS
    assert reach.find("nobody") is None


def test_people_may_log_in_by_another_attribute_than_their_name(directory):
    reach = connect(directory, user_filter="(mail={user})")
    entry = reach.check("Ann@corp.example", "horse-battery")
    assert (entry.name, entry.groups) == ("ann", ANNS)
    # The name is no mail address, but who was found is found again.
    assert reach.find("ann") is None
    assert reach.find("ann", entry.dn) == entry


def test_one_search_is_enough_where_the_directory_works_groups_out(directory):
    assert connect(directory, nested_filter="none").find("ann").groups == {
        "staff",
        "databases",
        "posix-admins",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"servers": "ldaps://localhost:1"},
        {"bind_password": {"env": "NO_SUCH_VARIABLE"}},
        {"ca": None},  # the usual authorities did not issue it
        {"servers": "ldaps://127.0.0.1:{port}"},  # another name than the certificate's
        {"group_base": "not a dn"},
    ],
)
# ldap3 leaves a socket whose handshake failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_directory_that_cannot_answer_is_away_and_never_says_no(directory, changes):
    changes = dict(changes)
    if "{port}" in str(changes.get("servers")):
        changes["servers"] = changes["servers"].format(port=directory.tls_port)
    with pytest.raises(Away):
        connect(directory, **changes).check("ann", "horse-battery")


def test_the_next_server_is_asked_when_one_is_away(directory):
    reach = connect(directory, servers=["ldaps://localhost:1", directory.tls_url])
    assert reach.find("bob").groups >= {"staff", "backend"}


def test_groups_that_were_cut_off_are_not_taken_for_all(tmp_path, tls):
    if not slapd.available():
        pytest.skip(slapd.MISSING)
    many = {f"g{number}": ["ann"] for number in range(MAX_GROUPS // 2)}
    with slapd.Slapd(tmp_path / "many", tls, {"ann": "pw"}, many) as running:
        # The server gives 500 and says that there were more.
        with pytest.raises(Away):
            connect(running).find("ann")


def test_a_server_that_says_nothing_is_away_in_time(tmp_path, tls):
    if not slapd.available():
        pytest.skip(slapd.MISSING)
    with slapd.Slapd(tmp_path / "hangs", tls, {"ann": "pw"}, {}) as running:
        reach = connect(running, timeout="1s")
        assert reach.check("ann", "pw") is not None
        running.hang()
        with pytest.raises(Away):
            reach.check("ann", "pw")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"servers": "ldap://dc.example"}, "clear text"),
        ({"servers": "ldaps://dc.example", "start_tls": True}, "leave `start_tls` out"),
        ({"servers": "https://dc.example"}, "is not `ldaps://HOST`"),
        ({"servers": "ldaps://u:p@dc.example"}, "is not `ldaps://HOST`"),
        ({"servers": []}, "at least 1"),
        ({"user_filter": "(uid=%s)"}, "must name `{user}`"),
        ({"user_filter": "(uid={user}"}, "is not a filter"),
        ({"user_filter": "(uid={name})(uid={user})"}, "must name"),
        ({"bind_password": "secret"}, "no secret stands here"),
        ({"bind_dn": ""}, "belong together"),
        ({"timeout": "2 weeks"}, "not a span"),
    ],
)
def test_settings_that_cannot_be_meant_are_errors(changes, words):
    good = {
        "servers": "ldaps://dc.example",
        "base": "dc=x",
        "bind_dn": "cn=r",
        "bind_password": {"env": "X"},
    }
    assert TypeAdapter(document.Directory).validate_python(good)
    with pytest.raises(ValueError, match=words.replace("{", r"\{")):
        TypeAdapter(document.Directory).validate_python(good | changes)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_certificate_of_another_authority_is_refused(directory, tmp_path):
    _, other = certificate(tmp_path, "localhost")
    with pytest.raises(Away):
        connect(directory, ca=str(other)).find("ann")
