"""Who stands before the proxy, by all kinds of evidence, with a clock of our own."""

import asyncio
import base64
import dataclasses
import os
import threading

import pytest
from passlib.hash import sha512_crypt

from gateway.documents import DocumentError
from gateway.identity import document, identify
from gateway.identity.directory import Away, Directory, Entry
from gateway.identity.identify import Evidence, Identities, Sender, Unproven

HASH = sha512_crypt.using(rounds=1000).hash("pw")


def basic(user, password):
    return ("Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(),)


class Asked:
    """A directory of a test: people with passwords and groups, which may be away."""

    def __init__(self):
        self.people = {"ann": ("horse", {"staff"}), "bob": ("staple", set())}
        self.away = False
        self.asked = []
        self.gate = None

    def check(self, user, password):
        self._asked(("check", user))
        known = self.people.get(user)
        return self._entry(user) if known and known[0] == password else None

    def find(self, user, dn=""):
        assert dn in {"", f"uid={user}"}
        self._asked(("find", user))
        return self._entry(user) if user in self.people else None

    def _asked(self, question):
        self.asked.append(question)
        if self.gate is not None:
            assert self.gate.wait(10)
        if self.away:
            raise Away("test")

    def _entry(self, user):
        return Entry(user, f"uid={user}", frozenset(self.people[user][1]))


class Counted:
    def __init__(self):
        self.results = []

    def identified(self, result):
        self.results.append(result)


class Place:
    def __init__(self, tmp_path, **settings):
        self.now = 1000.0
        self.asked = Asked()
        self.counted = Counted()
        self.folder = tmp_path
        given = {
            "directory": {"servers": "ldaps://x", "base": "dc=x"},
            "passwords": {"directory": True},
        }
        settings = given | settings
        parsed = document.Identity.model_validate(
            {key: value for key, value in settings.items() if value is not None}
        )
        self.identities = Identities(
            parsed,
            key=b"k",
            watch=self.counted,
            directory=self.asked if parsed.directory else None,
            clock=lambda: self.now,
            wall=lambda: self.now,
        )

    def ask(self, **evidence):
        given = Evidence(**{"peer": "10.0.0.1"} | evidence)
        return asyncio.run(self.identities.ask(given))

    def known(self, **evidence):
        return self.identities.known(Evidence(**{"peer": "10.0.0.1"} | evidence))

    def write(self, name, text):
        path = self.folder / name
        new = self.folder / "new"
        new.write_text(text)
        os.replace(new, path)
        return path


@pytest.fixture
def place(tmp_path):
    made = []

    def make(**settings):
        made.append(Place(tmp_path, **settings))
        return made[-1]

    yield make
    for each in made:
        each.identities.close()


ANN = basic("ann", "horse")


def test_a_password_names_its_owner_with_their_groups(place):
    here = place()
    assert here.ask(credentials=ANN) == Sender(
        "10.0.0.1", "ann", frozenset({"staff"}), "", "password"
    )
    assert here.ask(credentials=basic("ANN ", "horse")).actor == "ann"


@pytest.mark.parametrize(
    "credentials",
    [
        basic("ann", "x"),
        basic("nobody", "horse"),
        basic("ann", ""),
        basic("", "horse"),
        ("Basic",),
        ("Basic !!!",),
        ("Basic " + base64.b64encode(b"ann").decode(),),
        ("Basic " + base64.b64encode(b"\xff:\xff").decode(),),
        ("Bearer abc",),
        ("",),
        (*ANN, *ANN),  # two of them: whose?
    ],
)
def test_credentials_that_do_not_hold_never_become_nobody(place, credentials):
    assert place().ask(credentials=credentials) == Unproven("10.0.0.1", "wrong")


def test_who_shows_nothing_is_nobody(place):
    assert place().ask() == Sender("10.0.0.1")


def test_an_answer_is_asked_for_once_while_it_is_fresh(place):
    here = place(fresh="5m")
    for _ in range(3):
        assert here.ask(credentials=ANN).actor == "ann"
    assert here.asked.asked == [("check", "ann")]
    here.now += 301
    assert here.known(credentials=ANN) is None
    here.asked.people["ann"] = ("changed", {"staff"})
    assert here.ask(credentials=ANN) == Unproven("10.0.0.1", "wrong")


def test_while_the_directory_is_away_answers_hold_for_a_time_and_then_nobody_passes(place):
    here = place(fresh="5m", stale="1h")
    assert here.ask(credentials=ANN).actor == "ann"
    here.asked.away = True
    here.now += 301
    answer = here.ask(credentials=ANN)
    assert (answer.actor, answer.groups) == ("ann", {"staff"})
    # Somebody else, or another password, is not let in because nobody can be asked.
    for other in (basic("bob", "staple"), basic("ann", "x")):
        assert here.ask(credentials=other) == Unproven("10.0.0.1", "away")
    here.now += 3300
    assert here.ask(credentials=ANN) == Unproven("10.0.0.1", "away")
    here.asked.away = False
    here.now += identify.PAUSE
    assert here.ask(credentials=ANN).groups == {"staff"}
    assert {"stale", "away", "directory_away", "password"} <= {*here.counted.results}


def test_a_directory_that_is_away_is_not_asked_by_each_request(place):
    here = place()
    here.asked.away = True
    for _ in range(20):
        here.ask(credentials=ANN)
    assert len(here.asked.asked) == 1
    here.now += identify.PAUSE
    here.ask(credentials=ANN)
    assert len(here.asked.asked) == 2


def test_the_same_wrong_password_is_not_tried_again_and_guessing_ends(place):
    here = place()
    for _ in range(5):
        here.ask(credentials=basic("ann", "wrong"))
    assert len(here.asked.asked) == 1
    for number in range(50):
        assert here.ask(credentials=basic("ann", f"guess-{number}")).why == "wrong"
    assert len(here.asked.asked) == identify.TRIES
    here.now += 61
    assert here.ask(credentials=ANN).actor == "ann"


def test_who_is_in_stays_in_while_others_guess_their_password(place):
    here = place()
    here.ask(credentials=ANN)
    for number in range(50):
        here.ask(credentials=basic("ann", f"guess-{number}"))
    assert here.ask(credentials=ANN).actor == "ann"


def test_many_who_ask_the_same_at_once_ask_once_and_the_loop_goes_on(place):
    here = place()
    here.asked.gate = threading.Event()

    async def story():
        asking = [
            asyncio.create_task(here.identities.ask(Evidence("10.0.0.1", ANN))) for _ in range(50)
        ]
        for _ in range(20):
            await asyncio.sleep(0)  # the loop is not held up
        asking[0].cancel()
        here.asked.gate.set()
        return await asyncio.gather(*asking[1:])

    answers = asyncio.run(story())
    assert {answer.actor for answer in answers} == {"ann"}
    assert here.asked.asked == [("check", "ann")]


def test_what_is_remembered_is_bounded(place, monkeypatch):
    monkeypatch.setattr(identify, "REMEMBERED", 10)
    here = place()
    for number in range(30):
        here.asked.people[f"p{number}"] = ("pw", set())
        here.ask(credentials=basic(f"p{number}", "pw"))
        here.ask(credentials=basic(f"q{number}", "pw"))
    held = here.identities
    for kept in (held._proven, held._members, held._wrong, held._tries):
        assert len(kept) <= 10


def test_nothing_that_is_remembered_shows_a_password(place):
    here = place()
    here.ask(credentials=ANN)
    held = here.identities
    shown = repr((held._proven, held._members, held._wrong, Evidence("x", ANN), ANN[0][:0]))
    assert "horse" not in shown
    assert ANN[0] not in shown


def test_groups_are_refreshed_in_the_background_before_they_are_old(place):
    here = place(fresh="5m")
    sender = here.ask(credentials=ANN)
    here.asked.people["ann"] = ("horse", {"finance"})
    here.now += 240
    asyncio.run(here.identities.refresh())
    assert here.identities.still(sender, Evidence("10.0.0.1")).groups == {"finance"}
    here.asked.away = True
    here.now += 301
    asyncio.run(here.identities.refresh())
    assert here.identities.still(sender, Evidence("10.0.0.1")).groups == {"finance"}
    here.now += 3600
    # Not "no groups": nobody knows them.
    evidence = Evidence("10.0.0.1")
    assert here.identities.still(sender, evidence) is None
    assert asyncio.run(here.identities.ask_again(sender, evidence)).groups is None


def test_who_was_taken_out_of_the_directory_does_not_go_on(place):
    here = place()
    sender = here.ask(credentials=ANN)
    del here.asked.people["ann"]
    here.now += 240
    asyncio.run(here.identities.refresh())
    assert here.identities.still(sender, Evidence("10.0.0.1")) == Unproven("10.0.0.1", "wrong")
    here.now += 100
    assert here.ask(credentials=ANN) == Unproven("10.0.0.1", "wrong")


TRUSTED = {"networks": ["10.9.0.0/16"]}


def test_headers_are_believed_of_trusted_proxies_alone(place):
    here = place(trusted_proxies=TRUSTED)
    told = {"told_users": ("Ann",), "told_addresses": ("192.0.2.7",)}
    assert here.ask(peer="10.9.1.1", **told) == Sender(
        "192.0.2.7", "ann", frozenset({"staff"}), "", "proxy"
    )
    assert here.ask(peer="::ffff:10.9.1.1", **told).actor == "ann"
    assert here.ask(peer="10.8.1.1", **told) == Sender("10.8.1.1")
    assert place(trusted_proxies=None).ask(peer="10.9.1.1", **told) == Sender("10.9.1.1")


def test_a_header_that_came_twice_is_believed_by_nobody(place):
    here = place(trusted_proxies=TRUSTED)
    told = {"told_users": ("ann", "bob"), "told_addresses": ("192.0.2.7", "192.0.2.8")}
    assert here.ask(peer="10.9.1.1", **told) == Sender("10.9.1.1")
    assert here.ask(peer="10.9.1.1", told_users=("a\0b",)) == Sender("10.9.1.1")


def test_a_proxy_that_logs_in_itself_still_names_people(place):
    here = place(trusted_proxies=TRUSTED)
    answer = here.ask(peer="10.9.1.1", told_users=("ann",), credentials=basic("bob", "staple"))
    assert (answer.actor, answer.how) == ("ann", "proxy")
    wrong = here.ask(peer="10.9.1.1", told_users=("ann",), credentials=basic("bob", "x"))
    assert wrong == Unproven("10.9.1.1", "wrong")


def test_whom_the_directory_does_not_know_is_not_known_to_be_in_no_group(place):
    here = place(trusted_proxies=TRUSTED)
    answer = here.ask(peer="10.9.1.1", told_users=("CORP\\ann",))
    assert (answer.actor, answer.groups) == ("corp\\ann", None)
    here.asked.away = True
    assert here.ask(peer="10.9.1.1", told_users=("bob",)).groups is None


def test_an_address_names_its_holder_until_the_line_is_too_old(place, tmp_path):
    path = tmp_path / "map.csv"
    path.write_text("address,user,device,seen\n10.0.0.1,ann,laptop,1000\n10.0.0.2,,kiosk,1000\n")
    here = place(address_map={"file": str(path), "valid": "1h"})
    sender = here.ask()
    assert (sender.actor, sender.device, sender.how) == ("ann", "laptop", "address")
    assert here.ask(peer="10.0.0.2") == Sender("10.0.0.2", device="kiosk")
    here.write("map.csv", "address,user,seen\n10.0.0.1,bob,1000\n")
    here.identities._files.look()
    # A connection that goes on belongs to the one who has the address now.
    again = asyncio.run(here.identities.ask_again(sender, Evidence("10.0.0.1")))
    assert again.actor == "bob"
    here.now += 3600
    assert here.ask() == Sender("10.0.0.1")
    assert here.identities.still(sender, Evidence("10.0.0.1")) == Sender("10.0.0.1")


@pytest.mark.parametrize("names", ["user", "device"])
def test_a_certificate_names_a_person_or_a_device(place, tmp_path, names):
    here = place(certificates={"ca": str(tmp_path / "ca"), "names": names})
    answer = here.ask(certificate="ann")
    wanted = ("ann", "") if names == "user" else ("", "ann")
    assert (answer.actor, answer.device) == wanted


def test_files_alone_are_enough(place, tmp_path):
    (tmp_path / "people").write_text(f"Ann:{HASH}\n")
    (tmp_path / "groups").write_text("staff: [ann]\n")
    here = place(
        directory=None,
        passwords={"htpasswd": str(tmp_path / "people")},
        groups=str(tmp_path / "groups"),
    )
    sender = here.ask(credentials=basic("ann", "pw"))
    assert (sender.actor, sender.groups) == ("ann", {"staff"})
    assert here.ask(credentials=basic("ann", "x")).why == "wrong"
    here.write("people", f"bob:{HASH}\n")
    here.identities._files.look()
    assert here.identities.still(sender, Evidence("10.0.0.1")).why == "wrong"


def test_groups_of_a_file_and_of_the_directory_add_up(place, tmp_path):
    (tmp_path / "groups").write_text("pilot: [ann]\n")
    here = place(groups=str(tmp_path / "groups"))
    assert here.ask(credentials=ANN).groups == {"staff", "pilot"}


def test_without_a_source_of_groups_nobody_knows_them(place, tmp_path):
    (tmp_path / "people").write_text(f"ann:{HASH}\n")
    here = place(directory=None, passwords={"htpasswd": str(tmp_path / "people")})
    assert here.ask(credentials=basic("ann", "pw")).groups is None


def test_all_that_is_wrong_with_the_files_is_told_at_once(tmp_path):
    (tmp_path / "groups").write_text("a: [")
    settings = document.Identity.model_validate(
        {
            "passwords": {"htpasswd": str(tmp_path / "none")},
            "groups": str(tmp_path / "groups"),
            "address_map": {"file": str(tmp_path / "no-map")},
        }
    )
    with pytest.raises(DocumentError) as caught:
        Identities(settings, key=b"k", watch=Counted())
    assert len(caught.value.problems) == 3


def test_with_a_real_directory_that_is_killed_midway(tmp_path, directory):
    settings = document.Identity.model_validate(
        {"directory": directory.settings(), "passwords": {"directory": True}}
    )
    now = [0.0]
    identities = Identities(settings, key=b"k", watch=Counted(), clock=lambda: now[0])

    async def ask(user, password):
        return await identities.ask(Evidence("10.0.0.1", basic(user, password)))

    first = asyncio.run(ask("ann", "horse-battery"))
    assert first.groups >= {"engineering", "everybody"}
    directory.stop()
    try:
        now[0] += 301
        assert asyncio.run(ask("ann", "horse-battery")) == first
        assert asyncio.run(ask("bob", "staple")) == Unproven("10.0.0.1", "away")
        now[0] += 3600
        assert asyncio.run(ask("ann", "horse-battery")) == Unproven("10.0.0.1", "away")
    finally:
        directory.start()
    now[0] += 10
    assert dataclasses.replace(asyncio.run(ask("ann", "horse-battery"))) == first
    assert isinstance(identities._directory, Directory)
    identities.close()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "nobody could say who they are"),
        ({"passwords": {}}, "checks nothing"),
        ({"passwords": {"directory": True}}, "there is no `directory`"),
        ({"trusted_proxies": {"networks": []}}, "at least 1"),
        ({"trusted_proxies": {"networks": ["0.0.0.0/0"]}}, "is everybody"),
        ({"trusted_proxies": {"networks": ["10.0.0.1/8"]}}, "is not a network"),
        ({"trusted_proxies": {"networks": "10.0.0.0/8", "user_header": "a b"}}, "name of a header"),
        ({"require": "none", "stale": "1m"}, "shorter than"),
        ({"require": "some"}, "'none', 'inspected' or 'all'"),
    ],
)
def test_settings_that_cannot_be_meant_are_errors(settings, words):
    with pytest.raises(ValueError, match=words):
        document.Identity.model_validate(settings)
