"""What stands in the slots of wordings? Invented values, drawn anew for each text.

Slots between `«»` are secrets, those between `‹›` something else: names, numbers, versions, files, ids.
"""

from __future__ import annotations

import base64
import random
import re
import string
from collections.abc import Callable

_WORDS = (
    "anchor maple copper violet thunder pepper rocket marble saddle winter summer coffee falcon tiger dragon orange"
    " lantern garden shadow silver monkey purple harbor bridge castle pirate cactus velvet magnet puzzle walnut basket"
    " candle donkey engine forest guitar hammer island jacket kitten ladder meadow needle oyster parrot quartz ribbon"
    " socket turtle vortex wizard zipper blanket diamond octopus penguin sunset tractor volcano pancake kettle"
).split()
_NAMES = (
    "Sommer Winter Schalke Bayern Paris Madrid Roma Lisboa Kaffee Fahrrad Soleil Gato Perro Amsterdam Krakow Praha"
    " Istanbul Chelsea Merlin Bailey Charlie Luna Rocky Fritzi Papillon Girasole Zomer Lato Jaro Deniz Kevad Hafen"
).split()
_PEOPLE = "Anna Ben Carla Deniz Erik Fatima Gustav Helga Igor Jonas Kim Lukas Maria Nadia Oscar Petra Rosa Stefan Tom".split()
_ALNUM = string.ascii_letters + string.digits


class Values:
    """Draws what slots ask for."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._kinds: dict[str, Callable[[], str]] = {
            "pw": self._password,
            "weak": self._weak,
            "pin": lambda: self._of(string.digits, rng.choice([4, 4, 4, 5, 6, 6, 8])),
            "key": self._key,
            "tok": lambda: self._of(_ALNUM + "_-", rng.randint(30, 43)) + rng.choice(_ALNUM),
            "rnd": lambda: self._of(_ALNUM, rng.randint(18, 28)),
            "phrase": lambda: rng.choice(" -. ").join(rng.sample(_WORDS, rng.randint(4, 6))),
            "phrs": lambda: " ".join(rng.sample(_WORDS, 4)),
            "phrd": lambda: "-".join(rng.sample(_WORDS, 4)),
            "rec": lambda: f"{self._of(_ALNUM.lower(), 5)}-{self._of(_ALNUM.lower(), 5)}",
            "lic": lambda: "-".join(
                self._of(string.ascii_uppercase + string.digits, 5) for _ in range(5)
            ),
            "uuid": lambda: "-".join(self._hex(n) for n in (8, 4, 4, 4, 12)),
            "b64": lambda: base64.b64encode(rng.randbytes(rng.choice([18, 24, 32]))).decode(),
            "user": self._user,
            "name": lambda: rng.choice(_PEOPLE),
            "host": self._host,
            "dom": lambda: rng.choice(
                ["acme-tools.example", "northfield.example", "fjord-bank.example"]
            ),
            "ip": lambda: f"10.{rng.randrange(99)}.{rng.randrange(256)}.{rng.randrange(256)}",
            "port": lambda: str(rng.randint(1025, 9999)),
            "word": lambda: rng.choice(_WORDS),
            "Word": lambda: rng.choice(_WORDS).title(),
            "prod": lambda: rng.choice(
                ["Grafana", "Jenkins", "Nextcloud", "Jira", "GitLab", "Zabbix", "Odoo"]
            ),
            "num": lambda: str(rng.randint(2, 99)),
            "t": lambda: f"{rng.randrange(8, 19):02}:{rng.randrange(60):02}",
            "date": self._date,
            "email": lambda: (
                f"{rng.choice(_PEOPLE).lower()}.{rng.choice(_WORDS)}@acme-tools.example"
            ),
            "ver": self._version,
            "file": self._file,
            "order": lambda: (
                self._of("123456789", 1) + self._of(string.digits, rng.choice([3, 4, 5, 6, 7, 9]))
            ),
            "zip": lambda: self._of("123456789", 1) + self._of(string.digits, rng.choice([3, 4])),
            "part": self._part,
            "err": self._error,
            "ident": self._identifier,
            "model": self._model,
            "tick": self._ticket,
            "commit": lambda: self._hex(rng.choice([7, 8, 12, 40])),
            "func": lambda: rng.choice(
                ["verify_password()", "checkPin()", "auth.login2()", "hash_pw()", "getTokenV2()"]
            ),
            "room": lambda: (
                f"{rng.choice('ABCDE')}{rng.randrange(1, 9)}{rng.choice(['.', '-', ''])}{rng.randrange(10, 99)}"
            ),
            "path": lambda: (
                f"/{rng.choice(_WORDS)}/{rng.choice(['login', 'secrets', 'v2', 'account'])}/{rng.choice(_WORDS)}"
            ),
            "promo": lambda: (
                f"{rng.choice(['SAVE', 'WELCOME', 'SUMMER', 'RABATT'])}{rng.randrange(5, 99)}"
            ),
            "env": lambda: rng.choice(
                ["DB_PASSWORD", "$ADMIN_PW", "POSTGRES_PASSWORD", "APP_SECRET_KEY", "SMTP_PASS2"]
            ),
            "ph": lambda: rng.choice(
                ["<your-password>", "YOUR_PASSWORD_HERE", "********", "${PASSWORD}", "changeme"]
            ),
            "algo": lambda: rng.choice(
                ["bcrypt", "SHA256", "argon2id", "PBKDF2", "scram-sha-256", "AES-256", "WPA3"]
            ),
            "flag": lambda: rng.choice(["--ask-pass", "-W", "--password-stdin", "--use-keyring2"]),
            "year": lambda: str(rng.randint(1995, 2030)),
            "evt": lambda: (
                f"{rng.choice(['password', 'login'])}.{rng.choice(['changed', 'failed'])}.v{rng.randrange(1, 4)}"
            ),
            "css": lambda: rng.choice(["form-control2", "pw-input__lg", "w-64", "col-md-6"]),
            "amount": lambda: (
                f"{rng.randrange(20, 9999)}{rng.choice([' EUR', ' CHF', ',50', '.90'])}"
            ),
            "other": self._other,
        }
        self._kinds |= {
            "pws": self._password, "pwn": self._password, "pwu": self._password, "spw": self._password,
            "pin4": lambda: self._of(string.digits, 4), "pin6": lambda: self._of(string.digits, 6),
            "d4": lambda: self._of("123456789", 4), "d5": lambda: self._of("123456789", 5),
            "d10": lambda: self._of("123456789", 10), "d": lambda: str(rng.randrange(10, 99)),
            "u": self._user, "h": self._host, "n": self._kinds["name"], "w": self._kinds["word"],
            "p": self._kinds["prod"], "fq": self._host, "b64l": self._kinds["b64"], "b64h": self._kinds["b64"],
            "b64s": self._kinds["b64"], "b64pw": self._kinds["b64"], "b64plain": self._kinds["b64"],
            "b64basic": self._kinds["b64"], "pwb64": self._kinds["b64"], "sha512": self._kinds["b64"],
            "dna": lambda: self._of("ACGT", 60),
        }  # fmt: skip

    def draw(self, kind: str) -> str:
        """A value for a slot. Raises `KeyError` for one that nobody knows."""
        sized = re.fullmatch(r"(hex|HEX)(\d+)", kind)
        if sized is not None:
            digits = self._hex(int(sized[2]))
            return digits.upper() if sized[1] == "HEX" else digits
        return self._kinds[kind]()

    def _of(self, alphabet: str, count: int) -> str:
        return "".join(self._rng.choice(alphabet) for _ in range(count))

    def _hex(self, count: int) -> str:
        return self._of("0123456789abcdef", count)

    def _password(self) -> str:
        rng = self._rng
        word, other, name = rng.choice(_WORDS), rng.choice(_WORDS), rng.choice(_NAMES)
        sign = rng.choice("!?#$*&%+=_-.@")
        return rng.choice(
            [
                lambda: f"{name}{rng.randint(1960, 2030)}{rng.choice('!?#$*')}",
                lambda: name + self._of(string.digits, rng.choice([2, 3, 4])),
                lambda: word + self._of(string.digits, rng.choice([1, 2, 3, 4])),
                lambda: f"{word.title()}{sign}{other.title()}{rng.randrange(99)}",
                lambda: f"{word}{sign}{other}{rng.randrange(999)}",
                lambda: (
                    word.title().translate(str.maketrans("aeios", "@3105"))
                    + rng.choice("!#?")
                    + rng.choice(["", "7"])
                ),
                lambda: self._of(_ALNUM, rng.randint(8, 14)),
                lambda: self._of(_ALNUM + "!#$%&*+-_=@^~", rng.randint(8, 16)),
                lambda: (
                    self._of(_ALNUM, 4)
                    + rng.choice("!#$%&*+-_=@^~")
                    + self._of(_ALNUM, rng.randint(4, 8))
                ),
                lambda: word + other + self._of(string.digits, 2),
                lambda: "-".join(rng.sample(_WORDS, 3)),
                lambda: word.upper() + name.lower() + self._of(string.digits, 2),
                lambda: (
                    f"{self._of(string.digits, 2)}{word.title()}{self._of(string.digits, 2)}{sign}"
                ),
                lambda: word + other.title(),
            ]
        )()

    def _weak(self) -> str:
        rng = self._rng
        return rng.choice(_WORDS) + rng.choice([*_WORDS, "", ""])[:4] + str(rng.randint(10, 999))

    def _key(self) -> str:
        rng = self._rng
        return rng.choice(
            [
                lambda: self._hex(rng.choice([24, 32, 40, 64])),
                lambda: self._of(_ALNUM, rng.randint(20, 44)),
                lambda: base64.urlsafe_b64encode(rng.randbytes(rng.choice([18, 24, 30]))).decode(),
            ]
        )()

    def _user(self) -> str:
        rng = self._rng
        name, word = rng.choice(_PEOPLE).lower(), rng.choice(_WORDS)
        return rng.choice(
            [
                lambda: rng.choice(
                    [
                        "admin",
                        "root",
                        "deploy",
                        "svc_backup",
                        "postgres",
                        "reporting",
                        "lab",
                        "info",
                    ]
                ),
                lambda: f"{name[0]}.{word}",
                lambda: f"{name}{rng.randrange(1, 99)}",
                lambda: (
                    f"{rng.choice(['svc', 'op', 'ext'])}{rng.choice('-_')}{word}{rng.choice(['', '2', '01'])}"
                ),
                lambda: f"{name}.{word}@acme-tools.example",
                lambda: f"{name[0]}{word}",
                lambda: (
                    self._of(string.ascii_uppercase, 2)
                    + self._of(string.digits, rng.choice([4, 5]))
                ),
            ]
        )()

    def _host(self) -> str:
        rng = self._rng
        word = rng.choice(
            ["db", "nas", "web", "srv-print", "sw-core", "vpn", "esx", "mx", "pg-main", "stage"]
        )
        host = f"{word}{rng.choice(['', '-', ''])}{rng.choice(['', '1', '02', '4'])}"
        return host + rng.choice(["", ".corp.example", ".northfield.example", ".intra.example"])

    def _date(self) -> str:
        rng = self._rng
        day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(2019, 2029)
        return rng.choice(
            [
                f"{year}-{month:02}-{day:02}",
                f"{day:02}.{month:02}.{year}",
                f"{day} May {year}",
                f"{month:02}/{day:02}/{year}",
            ]
        )

    def _version(self) -> str:
        rng = self._rng
        a, b, c = rng.randrange(1, 30), rng.randrange(20), rng.randrange(20)
        return rng.choice(
            [
                f"{a}.{b}.{c}",
                f"{a}.{b}",
                f"v{a}.{b}.{c}",
                f"{a}.{b}.{c}-rc{c}",
                f"{a}",
                f"20{a}.{b}",
                f"{a}.{b}b{c}",
            ]
        )

    def _file(self) -> str:
        rng = self._rng
        stem = rng.choice(
            [
                rng.choice(_WORDS),
                f"{rng.choice(_WORDS)}_v{rng.randrange(9)}",
                f"{rng.choice(_WORDS).title()}{rng.randrange(2018, 2028)}",
            ]
        )
        return f"{stem}.{rng.choice(['pdf', 'xlsx', 'docx', 'java', 'yml', 'p12', 'zip', 'kdbx', 'ts', 'md', 'csv', '7z'])}"

    def _part(self) -> str:
        rng = self._rng
        return rng.choice(
            [
                lambda: f"{self._of(string.ascii_uppercase, 2)}-{self._of(string.digits, 4)}",
                lambda: (
                    f"{rng.choice(['feature', 'release', 'fix', 'hotfix'])}{rng.choice('-/')}{rng.choice(_WORDS)}{rng.randrange(99)}"
                ),
                lambda: self._of(string.ascii_uppercase + string.digits, 6),
                lambda: f"{self._of(string.ascii_uppercase, 3)}{self._of(string.digits, 5)}",
                lambda: f"{self._of(string.ascii_uppercase, 3)}_{rng.randint(2018, 2029)}",
                lambda: f"{rng.choice(_WORDS).title()}-{rng.choice(_WORDS)}{rng.randrange(9)}",
            ]
        )()

    def _error(self) -> str:
        rng = self._rng
        return rng.choice(
            [str(rng.randint(400, 511)), f"E{rng.randint(1000, 9999)}", f"ERR_AUTH_{rng.randrange(20):02}", f"0x8007{self._hex(4)}",
             f"AADSTS{rng.randint(50000, 90100)}", "ECONNREFUSED", f"{rng.randrange(10, 60)}P{rng.randrange(10, 60)}", f"ORA-{self._of(string.digits, 5)}"]
        )  # fmt: skip

    def _identifier(self) -> str:
        rng = self._rng
        word = rng.choice(_WORDS)
        return rng.choice(
            [f"{word}Password{rng.randrange(9)}", f"auth_{word}_v{rng.randrange(9)}", f"{word.title()}Form", f"pwd{word.title()}{rng.randrange(9)}",
             f"{word}Key", f"tbl_{word}_0{rng.randrange(9)}", f"{word.title()}Box2", f"oauth2{word.title()}", f"{word}-input-{rng.randrange(9)}"]
        )  # fmt: skip

    def _model(self) -> str:
        rng = self._rng
        up, low = (
            self._of(string.ascii_uppercase, rng.randint(1, 2)),
            self._of(string.ascii_lowercase, rng.randint(1, 3)),
        )
        return rng.choice(
            [f"{up}{self._of(string.digits, 3)}{low}", f"{up}{self._of(string.digits, 4)}{rng.choice(['', '+', 'iGS', 'U', '-X'])}",
             f"FRITZ!Box {self._of(string.digits, 4)}", f"iPhone{rng.randrange(6, 17)}", f"Galaxy{rng.randrange(6, 25)}", f"Windows{rng.choice([7, 10, 11])}",
             f"{up}1{up}-Gen{rng.randrange(9)}", f"YubiKey {rng.randrange(4, 6)}C", f"Office{rng.choice([2016, 2019, 365])}", f"Laser{rng.choice(_WORDS).title()} {self._of(string.digits, 4)}"]
        )  # fmt: skip

    def _ticket(self) -> str:
        rng = self._rng
        return rng.choice(
            [
                f"INC{self._of(string.digits, 7)}",
                f"{rng.choice(['OPS', 'HELP', 'SEC'])}-{rng.randrange(10, 9999)}",
                f"#{rng.randrange(100, 99999)}",
                f"REQ{self._of(string.digits, 6)}",
            ]
        )

    def _other(self) -> str:
        kinds = "order ver host file part err ident model tick commit room email path user zip date uuid hex32".split()
        return self.draw(self._rng.choice(kinds))
