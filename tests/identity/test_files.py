"""Files of passwords, groups and addresses are taken whole or not at all."""

import os
import subprocess

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from passlib.hash import sha256_crypt, sha512_crypt

from gateway.documents import DocumentError
from gateway.identity import files

BCRYPT = bcrypt.hashpw(b"staple", bcrypt.gensalt(4)).decode()
SHA512 = sha512_crypt.using(rounds=1000).hash("horse")
SHA256 = sha256_crypt.using(rounds=1000).hash("horse")


def test_passwords_are_those_that_were_hashed():
    known = files.htpasswd(f"# people\nAnn:{SHA512}\nbob:{BCRYPT}\neve:{SHA256}\n", "f", 0)
    for name, password in (("ann", "horse"), ("bob", "staple"), ("eve", "horse")):
        assert name in known
        assert known.check(name, password)
        for wrong in ("", "x", password + "x", password.upper(), password + "\0"):
            assert not known.check(name, wrong)
    assert not known.check("nobody", "horse")
    assert "horse" not in repr(known)
    assert BCRYPT not in repr(known)


def test_bcrypt_never_takes_the_beginning_for_the_whole():
    long = "x" * 72
    known = files.htpasswd(f"a:{bcrypt.hashpw(long.encode(), bcrypt.gensalt(4)).decode()}", "f", 0)
    assert known.check("a", long)
    assert not known.check("a", long + "y")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ann", "is not `NAME:HASH`"),
        (":BCRYPT", "is not `NAME:HASH`"),
        ("ann:$apr1$x$y", "htpasswd -B"),
        ("ann:{SHA}x", "htpasswd -B"),
        ("ann:secret", "htpasswd -B"),
        ("ann:SHORT", "htpasswd -B"),
        ("ann:$6$x", "htpasswd -B"),
        ("bob:BCRYPT\nBOB:BCRYPT", "given before"),
    ],
)
def test_what_does_not_protect_a_password_is_an_error(line, words):
    line = line.replace("BCRYPT", BCRYPT).replace("SHORT", BCRYPT[:-1])
    with pytest.raises(DocumentError) as caught:
        files.htpasswd(f"# first\n{line}\n", "people", 0)
    (problem,) = caught.value.problems
    assert words in problem.message
    assert str(problem).startswith("people:")
    assert "secret" not in str(problem)


def test_groups_hold_groups_and_circles_end():
    text = """
    staff: [Ann, bob]
    Engineering: ["@backend", "@staff"]
    backend: [eve, "@engineering"]
    empty:
    """
    known = files.groups(text, "g", 0)
    assert known["ann"] == {"staff", "engineering", "backend"}
    assert known["eve"] == {"backend", "engineering"}
    assert known["nobody"] == frozenset()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: ['@b']", "there is no group `b`"),
        ("a: [x]\nA: [y]", "differ in letter case"),
        ("a: {b: c}", ""),
        ("- a", ""),
    ],
)
def test_groups_that_make_no_sense_are_errors(text, words):
    with pytest.raises(DocumentError) as caught:
        files.groups(text, "g", 0)
    assert words in str(caught.value)


def test_addresses_have_holders_for_a_time():
    text = """address,user,device,seen
10.1.2.3,Ann,Laptop-7,1700000000
::ffff:10.1.2.4,bob,,2023-11-14T22:13:20Z
2001:db8::1,eve,phone,
10.1.2.3,bob,x,1600000000
"""
    known = files.addresses(text, "a", 99.0)
    assert known["10.1.2.3"] == files.Holder("ann", "laptop-7", 1700000000.0)
    assert known["10.1.2.4"] == files.Holder("bob", "", 1700000000.0)
    assert known["2001:db8::1"] == files.Holder("eve", "phone", 99.0)
    assert known["10.9.9.9"] is None
    assert "ann" not in repr(known)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "a:1:1"),
        ("ip,user\n", "a:1:1"),
        ("address,seen\n", "a:1:1"),
        ("address,user\n10.1.2.3,ann,x\n", "a:2:1"),
        ("address,user\n10.1.2.3,ann\nten,bob\n", "a:3:1"),
        ("address,user,seen\n10.1.2.3,ann,yesterday\n", "a:2:1"),
    ],
)
def test_a_map_that_cannot_be_read_is_an_error_with_its_place(text, where):
    with pytest.raises(DocumentError) as caught:
        files.addresses(text, "a", 0.0)
    assert str(caught.value).startswith(where)


@given(st.text())
def test_any_text_is_read_or_an_error_and_nothing_else(text):
    block = f"-----BEGIN X509 CRL-----\n{text}\n-----END X509 CRL-----"
    for parse in (files.htpasswd, files.groups, files.addresses, files.revocations):
        for told in (text, f"address,user\n{text}", f"a: {text}", block):
            try:
                parse(told, "f", 0.0)
            except DocumentError:
                pass


@given(st.text(max_size=300))
def test_a_name_has_one_spelling(name):
    one = files.canonical(name)
    assert files.canonical(one) == one
    assert one == "" or (one.isprintable() and one == one.strip())


def test_a_broken_file_leaves_the_last_good_one_in_force(tmp_path):
    path = tmp_path / "groups.yaml"
    path.write_text("staff: [ann]\n")
    followed = files.Followed(path, files.groups)
    assert followed.look()
    path.write_text("staff: [\n")
    assert not followed.look()
    assert followed.value["ann"] == {"staff"}
    path.unlink()
    assert not followed.look()
    assert followed.value["ann"] == {"staff"}
    new = tmp_path / "new"
    new.write_text("other: [ann]\n")
    os.replace(new, path)
    assert followed.look()
    assert followed.value["ann"] == {"other"}


def test_the_first_file_must_be_good(tmp_path):
    with pytest.raises(DocumentError, match="cannot be read"):
        files.Followed(tmp_path / "none", files.groups)
    with pytest.raises(DocumentError, match="openssl crl -inform DER"):
        files.revocations("no list", "f", 0.0)
    with pytest.raises(DocumentError, match="f:2:1: is no revocation list"):
        files.revocations("\n-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "f", 0.0)


@pytest.mark.skipif(
    subprocess.run(["which", "htpasswd"], capture_output=True).returncode != 0,
    reason="htpasswd is not installed (Debian: apache2-utils)",
)
@pytest.mark.parametrize("kind", ["-B", "-5"])
def test_files_of_htpasswd_itself_are_read(kind):
    made = subprocess.run(
        ["htpasswd", "-nb", kind, "ann", "horse"], capture_output=True, check=True, text=True
    )
    assert files.htpasswd(made.stdout, "f", 0).check("ann", "horse")
