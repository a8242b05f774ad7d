"""Is a value that stands where a secret would stand one? Law: a check looks at the value alone, and
never at anything outside of this process.

Placeholders, code, words and names are no secrets; what is random, or mixed of letters, digits and
symbols, may be one.
"""

from __future__ import annotations

import base64
import binascii
import collections
import json
import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

# --- placeholders --------------------------------------------------------------------------------

_BLANK = re.compile(
    r"""(?ix)
    change[-_.]?(?:me|it|this) | place[-_]?holder | example | dummy | redacted | masked
    | (?<![a-z0-9])(?:your|my|the|some|any|new|old)
      [-_ ]?(?:own|secret|token|key|api|app|pass|client|access)
    | (?:secret|token|key|pass(?:word)?)[-_]?(?:here|goes|value|name|field|placeholder)\b
    | insert[-_] | replace[-_]?(?:me|this|with) | fill[-_]?(?:me|in) | not[-_]?(?:a|real|set)[-_]
    | x{5,} | \*{3,} | \.{3,} | \#{4,} | ^\?{3,} | \?{5,} | •{3,} | …
    | ^<.*>$ | ^\[.*\]$ | ^\{.*\}$ | ^\(.*\)$ | ^%.*%$ | ^@\w+@$
    | ^!(?:vault|secret|ref|sub|getatt|env|env_var|include|reference|unsafe)$  # tags of YAML
    | ^@?__\w+__@?$ | ^@@.*@@$ | ^\#\{.*\}\#$
    | \$\{ | \$\( | \{\{ | \}\} | <%|%> | ^\$[A-Za-z_] | %\(\w+\)s | ^%[sdr]$ | ^\{\w*\}$
    """
)
_INVENTED = re.compile(
    r"""(?ix)
    sample | fake | x{4,} | 0{8,} | 1{8,} | _{5,} | -{5,} | lorem | foobar
    | ^(?:0?12345678(?:90?)?|abcdefgh[a-z]*|qwertyui[a-z]*|(?:deadbeef)+|0123456789abcdef)$
    | ^(?:none|null|nil|undefined|true|false|void|empty|unset|todo|tbd|n/?a|test|testing|string
        |password|passwort|passwd|secret|token|default|optional|required|hidden|unknown)$
    """
)


def is_blank(value: str) -> bool:
    """True for a value that waits for a secret: `changeme`, `<key>`, `${KEY}`, `xxxxx`."""
    return len(set(value)) <= 3 or _BLANK.search(value) is not None


def is_placeholder(value: str) -> bool:
    """True for what `is_blank` says, and for values that are plainly invented: `1234567890`."""
    return is_blank(value) or _INVENTED.search(value) is not None


# --- what a value is made of ---------------------------------------------------------------------


def entropy(value: str) -> float:
    """Shannon entropy in bits per character; 0 for the empty text."""
    size = len(value)
    if not size:
        return 0.0
    counts = collections.Counter(value).values()
    return -sum(count / size * math.log2(count / size) for count in counts)


_CODE = re.compile(
    r"""(?x)
    [()\[\]{}<>;,\s]                          # calls, indices, types
    | ^_*[^\W\d_]+(?:[-_.:/][^\W\d_]+)*[-_.:/]?$  # words only: a name, or an identifier
    | ^!+[A-Za-z_$][A-Za-z_$.]*$ | ^!+\w*(?i:pass|token|secret|key|show|hid|visib)\w*$  # what is not so
    | ^(?:String|Int|ID|Float|Boolean|Bool|str|int|bool)[!?]$  # a type that may be absent, or must not
    | ^\d{1,3}(?::\d\d){1,3}$                   # a time
    | ^_*[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$        # THE_NAME_OF_A_CONSTANT
    | ^\d{1,7}$ | ^\d+\.\d+ | ^v?\d+(?:\.\d+)+$ | ^\d{4}-\d\d-\d\d
    | ^(?:https?|file|s3|arn|vault|ssm|op|gs|kms|data|env|secret)[:/]
    | ^--?[a-z]+$
    | ^(?:self|this|os|process|env|config|settings|request|req|args|params|props|ctx|var|local|module
      |data|inputs?|values)[.\[>-]
    | ^(?:sha(?:1|256|384|512)|md5)[-:]        # a digest says that it is one
    """
)
_PATH = re.compile(r"(?:[A-Za-z_]+\d?\.)+[A-Za-z_]+\d?(?:\.|$)|~?\.{0,2}[/\\]\w")
"""attribute.access.path, /path/of/a/file"""
_FILE = re.compile(r"\.[a-z0-9]{1,5}$")
_CLASSES = (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())


_DIGITS = 12
"""So many digits in a row where a password stands are one; fewer are a count or a number."""


def is_mixed(value: str) -> bool:
    """A password or token rather than code or a word: letters with digits or symbols."""
    if _CODE.search(value):
        return value.isalpha() and value.isascii() and _is_tossed(value)
    if _PATH.match(value) and (_FILE.search(value) or not (_has_drawn(value) or is_paired(value))):
        return False
    if value.isdecimal():
        return len(value) >= _DIGITS
    return sum(any(map(of_class, value)) for of_class in _CLASSES) >= 2


def _is_tossed(letters: str) -> bool:
    """Small and capital letters in no order: names have few words of three letters and less."""
    if len(letters) < _TOSSED or len(_FLIPS.findall(letters)) < len(letters) * 0.4:
        return False
    words = _HUMPS.findall(letters)
    return sum(len(word) <= _HUMP for word in words) * 2 >= len(words)


_HUMPS, _HUMP = re.compile(r"[A-Z]*[a-z]+|[A-Z]+"), 3
_TOSSED = 12
"""Letters that a password has, if it has letters alone."""

_BEHIND = r"(?:[A-Za-z][A-Za-z0-9]{0,9}[-_]){0,2}"
"""A mark before a text in hexadecimal digits: `acm-` or `acm_live_`."""
_UUID = re.compile(
    rf"(?i){_BEHIND}[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}"
)
_HASH = re.compile(
    rf"{_BEHIND}(?:[0-9a-f]{{32}}|[0-9a-f]{{40}}|[0-9a-f]{{48}}|[0-9a-f]{{64}}|[0-9a-f]{{96,128}})"
)
_SEQUENCE = re.compile(
    r"(?=\w*\d)(?=\w*[A-Za-z])\w*"
    r"(?i:abcdef|bcdefg|cdefgh|ghijkl|mnopqr|uvwxyz|fedcba|zyxwvu|123456|234567|654321|987654)\w*"
)
"""A key that somebody made up: letters and digits in their order, too long for a name."""
_MADE_UP = 20
_LETTERS = re.compile(r"[A-Za-z_-]{20,}")
# Some vowel stands in drawn letters; consonants alone are how redaction writes a digest.
_UNSAID = re.compile(
    r"(?=[a-z]{24}|[A-Z]{24})(?i:(?=[a-z]*[aeiouy])[a-z]*?[bcdfghjklmnpqrstvwxz]{7})"
)
_SEGMENT = re.compile(r"[A-Za-z0-9]{8,}")
_TURNS = re.compile(r"(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)")
_CAMEL = re.compile(r"(?:[A-Z]?[a-z]{2,}|[A-Z]{2,}|\d{1,4}$)+")
_FLIPS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[a-z])")
_LONG = 20
"""Letters and digits of a segment that can tell a key by themselves."""


def is_drawn(segment: str) -> bool:
    """Letters and digits take turns as in drawn text, or small and capital letters do."""
    turns, size = len(_TURNS.findall(segment)), len(segment)
    if turns >= max(2, size // 14):
        return True
    flips = len(_FLIPS.findall(segment))
    return size >= 16 and turns + flips >= size * 0.3 and not _CAMEL.fullmatch(segment)


def _has_drawn(value: str) -> bool:
    return any(len(part) >= _LONG and is_drawn(part) for part in _SEGMENT.findall(value))


def is_random(value: str) -> bool:
    """A key that a machine drew rather than a name that a person gave.

    Names are words with a number here and there; in drawn text letters and digits take turns, or
    small and capital letters do. A name's parts stand apart (`app-v2-key-3`), so one part has to
    show it. In thirty characters of either case and digits, one text in five hundred does not.
    """
    if _UUID.fullmatch(value) or _HASH.fullmatch(value):
        return True
    if len(value) >= _MADE_UP and _SEQUENCE.fullmatch(value):
        return True
    if _LETTERS.fullmatch(value):
        # Drawn from letters alone: of either case, or with a run that nobody could say.
        return _has_drawn(value) or _UNSAID.search(value) is not None
    if not is_mixed(value):
        return False
    if any(map(is_drawn, _SEGMENT.findall(value))):
        return True
    return len(_TURNS.findall(value)) >= max(5, len(value) // 6)


def is_drawn_at_end(value: str) -> bool:
    """A token that begins with words and ends in a segment that plainly a machine drew."""
    segment = re.split(r"[-_]", value)[-1]
    turns, size = len(_TURNS.findall(segment)), len(segment)
    if turns >= max(4, size // 6):
        return True
    return turns >= 2 and turns + len(_FLIPS.findall(segment)) >= size * 0.4


_MARK = re.compile(r"[A-Za-z][A-Za-z0-9]{1,9}(?:[-_.][A-Za-z0-9]{1,6}){0,2}?[-_.](?=[\w-]{32})")


def is_marked(value: str) -> bool:
    """A short mark and then a drawn text of digits and letters of either case, as vendors issue keys.

    Identifiers in hexadecimal digits or in letters of one case have marks too (`resp_68...`,
    `user_01J...`), and so do names of many words: neither shows all three kinds, taking turns.
    """
    mark = _MARK.match(value)
    if mark is None or not (mark[0].islower() or mark[0].isupper()):
        return False
    body = value[mark.end() :]
    if not (any(map(str.islower, body)) and any(map(str.isupper, body))):
        return False
    turns, flips, size = len(_TURNS.findall(body)), len(_FLIPS.findall(body)), len(body)
    longest = max(map(len, re.split(r"[-_]", body)))
    return min(turns, flips) >= size / 10 and longest >= _MARKED and entropy(body) >= 4.2


_MARKED = 10
"""Letters and digits in a row that a text so drawn has somewhere between its dashes."""

_NO_PASSWORD = re.compile(
    r"""(?ix)
    (?:new|old|current|confirm|my|your|the|user|admin|root|db|enter|forgot|reset|invalid|wrong|bad
      |missing|no|type|text|show|hide|plain|repeat|verify|change|update|create|login|hash|hashed
      |encrypt|encrypted|secure|raw|temp|auto|is|has|get|set|check|validate|min|max)?
    [-_. ]?(?:pass(?:word|phrase|code|wd)?s?|pwd|passwort|kennwort|wachtwoord|senha|heslo|salasana|passord|adgangskode|secret|token|string|str|text|char
      |varchar|bytes?|int|bool|object|any|null|none|field|input|value|name|type|email|user(?:name)?
      |admin|required|optional|hidden|empty|blank|default|test|true|false|login|auth|key|keys|id
      |label|title|error|message|invalid|incorrect|mismatch|format|length|pattern|hash|hashed
      |base64|bcrypt|plain|plaintext|prompt|stdin|file|path|env|config|settings|vault|basic
      |bearer|digest|local|public|private|undefined|unknown|root|guest|demo|sample|data|body)
    [-_. ]?(?:field|input|value|name|hash|key|text|label|here|reset|file|env|required|error|box|id)?
    | [a-z]{1,20}[-_](?:pass(?:word|wd|phrase|code)?|pwd)  # the name of another variable
    """
)


def is_password(value: str) -> bool:
    """A password in quotes: mixed, a phrase, or one word that speaks of nothing around passwords."""
    if is_mixed(value) or is_phrase(value):
        return True
    return (
        re.fullmatch(r"[A-Za-z]+(?:[-_.][A-Za-z]+)?", value) is not None
        and not value.isupper()
        and "." not in value
        and _NO_PASSWORD.fullmatch(value) is None
    )


_SYMBOL = re.compile(r"[!#$&*?@^~]|%(?![0-9A-F]{2})")
_REFERENCE = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}|[\w./+-]*@v?\d+\.[\w.-]*|(?!\w?\d[a-z]+\d[a-z]*#)[\w./-]+#\d+|#[0-9a-f]{3,8}"
    r"|[^?&]*[?&]\w+=.*"
)
"""An e-mail address, a package and its version, an issue, a colour, a query."""
_STRONG = 8


def is_strong(value: str) -> bool:
    """A password that speaks for itself, where only the word stands before it (`password Xy7!...`).

    Names around passwords have digits too (`OAuth2`, `sha256-hashed`): only a symbol beside letters
    and digits tells, or letters of either case and digits that take turns.
    """
    if len(value) < _STRONG or not is_mixed(value) or _REFERENCE.fullmatch(value):
        return False
    if not (any(map(str.isdigit, value)) and any(map(str.isalpha, value))):
        return False
    if _SYMBOL.search(value):
        return True
    return any(
        any(map(str.islower, part))
        and any(map(str.isupper, part))
        and len(_TURNS.findall(part)) > 1
        for part in _SEGMENT.findall(value)
    )


def is_keyed(value: str) -> bool:
    """A password or a key beside its name in a table: strong, or random."""
    return is_random(value) or is_strong(value)


_NUMBERED = re.compile(r"(?=[A-Z]?[a-z]|[A-Za-z]*[a-z][A-Z])[A-Za-z]{4,24}\d{2,8}[!?]?")
_JOINED = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9]+[+=][A-Za-z0-9]*")
_TECHNICAL = re.compile(
    r"(?i)(?:o?auth|base|sha|md|utf|hmac|pbkdf|bcrypt|scrypt|argon|rfc|iso|windows|win|office|python|java"
    r"|version|field|input|user|test|item|step|page|line|level|figure|table|chapter|section|case|part"
    r"|number|ticket|issue|terminal|gate|hall|release|build|phase|sprint|season|server|node|host|port|group|room|example|secret|pass\w*|passwor[dt]|kennwort)\d+[!?]?"
)


def is_likely(value: str) -> bool:
    """A password where a sentence or a table leaves room for one: `keyed`, a word with its digits, or
    words in a row that none would join so in a sentence.

    What is numbered in manuals is none (`Base64`, `Windows11`, `field22`).
    """
    if is_keyed(value) or is_paired(value) or (_SPOKEN.fullmatch(value) and is_phrase(value)):
        return True
    if len(value) < _STRONG or _TECHNICAL.fullmatch(value):
        return False
    return _NUMBERED.fullmatch(value) is not None or _JOINED.fullmatch(value) is not None


_SPOKEN = re.compile(r"[a-z]{4,}(?:[-.][a-z]{4,}){2,}")
_PHRASE = re.compile(r"[a-z]{3,10}(?P<by>[-_. ])[a-z]{3,10}(?:(?P=by)[a-z]{3,10}){1,6}")
_OF_PROGRAMS = frozenset(
    """
    access account admin agent alert alias align also any api app application apply area argument array assets
    attribute audit auth authentication authorization aws azure backend background backup bad base
    basic bearer before begin block body border bottom box branch browser build button byte bytes
    cache call card case cell change changed char check claim class cli client cloud cluster code
    color column command common component condition config configuration confirm confirmation
    connection constant container content context control cookie copy core count create created
    creds credential credentials css current custom data database date db debug default delete demo
    deploy description desktop dev device dialog digest directory disabled display docker document
    does domain download driver dump dynamic edit element email empty enable enabled encoded
    encrypt encrypted encryption end endpoint engine enter entity entry env environment equal error
    event example exception expired expires export external factory fail failed false feature
    field file filter find flag folder for force forgot form format frame from front frontend
    function gateway generate generated generic get git global grant group guide handle handler
    has hash hashed have header heading help hidden hide hint home host how html http https icon id
    identity image import index info init initial inline inner input insert instance instead
    integration internal invalid ios issue item java job json key keys kind known label language large last
    layout ldap left length level library link list load local locale location lock log logger login
    logo long loop mail main make manage manager mapping mask match max maximum may member menu
    message meta method metrics min minimum missing mobile mode model module monitor must name names
    namespace need network never new next node none normal not note null number oauth object old
    one only open operator option options order org other output own package page panel param
    parameter params parent parse parser part pass passed passphrase passwd password passwords path
    pattern payload per permission phone pipeline place plain plaintext platform plugin pod policy
    pool port position postgres prefix primary print private process prod production profile project
    prompt property props protected protocol provider proxy public pull push query queue random raw
    read ready record recovery redirect redis ref reference refresh region register registry
    release remember remote remove render repeat replace repo repository request require required
    reset resource response rest restore result retry return right role root route row rule run
    safe sample save schema scope screen script search secret secrets section secure security select
    self sensitive server service services session set settings setup shared should show sign
    signature signup simple since single site size small sort source spec sql ssh stage staging
    standard start state static status step storage store stored stream strength string strong style
    submit success suffix super support switch sync system tab table tag target task team temp
    template temporary tenant test tests text that the then theme this time timeout title tls toggle
    token tool top transport true trust type types unique unit unknown update upload uri url usage
    use used user username users util utils valid validate validation validator value values
    variable vault vendor verify version view was wait warning weak weaknesses web well when where which widget width
    window with without word work worker wrong yaml you your zone
    """.split()
)


_PAIRED = re.compile(
    r"[A-Za-z][a-z]{3,11}(?P<by>[-._#!])(?:[A-Za-z][a-z]{3,11}(?P=by))?[A-Z][a-z]{3,11}\d{1,4}[!?]?"
)


def is_paired(value: str) -> bool:
    """Two or three words, a capital and a number at the end, as people make what they must remember.

    Access to an attribute looks so too (`config.Password2`); its words are those of programs.
    """
    if _PAIRED.fullmatch(value) is None:
        return False
    words = re.findall(r"[A-Za-z]+\d*", value)
    return _TECHNICAL.fullmatch(words[-1]) is None and _OF_PROGRAMS.isdisjoint(
        word.rstrip("0123456789").lower() for word in words
    )


def is_phrase(value: str) -> bool:
    """Three and more common words in a row, as dice or a password manager choose them.

    Names in programs are in rows as well (`login-form-input`); their words are not drawn from all.
    """
    found = _PHRASE.fullmatch(value)
    if found is None:
        return False
    words = value.split(found["by"])
    return len(set(words)) == len(words) and _OF_PROGRAMS.isdisjoint(words)


def is_listed(value: str) -> bool:
    """A password where a table or a tool says that one stands: mixed, or a phrase."""
    return is_mixed(value) or is_phrase(value)


# --- formats -------------------------------------------------------------------------------------


def _decoded(part: str) -> object:
    """A segment of a JSON web token as what it holds, None where it is none."""
    try:
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None


def is_jwt(value: str) -> bool:
    """RFC 7515, section 4.1.1: the header is a JSON object and must have `alg`."""
    header = _decoded(value.split(".", 1)[0])
    return isinstance(header, dict) and isinstance(header.get("alg"), str)


def _claims(value: str) -> Mapping[str, object]:
    if not is_jwt(value):
        return {}
    claims = _decoded(value.split(".", 2)[1])
    return claims if isinstance(claims, dict) else {}


def is_id_token(value: str) -> bool:
    """OpenID Connect Core 1.0, sections 2 and 3.1.3.6: `nonce`, `at_hash` or a person's claims."""
    claims = _claims(value)
    if claims.get("typ") == "ID" or claims.get("token_use") == "id":
        return True
    return "iss" in claims and bool({"at_hash", "c_hash", "nonce", "email_verified"} & set(claims))


def is_access_token(value: str) -> bool:
    """RFC 9068, section 2: `typ` is `at+jwt`; other issuers tell by `scope`, `scp` or `token_use`."""
    claims = _claims(value)
    header = _decoded(value.split(".", 1)[0])
    kind = str(header.get("typ", "")).lower() if isinstance(header, dict) else ""
    if kind.removeprefix("application/") == "at+jwt":
        return True
    return claims.get("token_use") == "access" or bool({"scope", "scp", "scopes"} & set(claims))


def is_refresh_token(value: str) -> bool:
    """Issuers say so in `typ`, `token_type`, `type` or `token_use`."""
    claims = _claims(value)
    kinds = {
        str(claims.get(name, "")).lower() for name in ("typ", "token_type", "type", "token_use")
    }
    return bool(kinds & {"refresh", "refresh_token", "offline"})


def is_supabase_service(value: str) -> bool:
    """A Supabase key that passes by row-level security: `role` is `service_role`."""
    claims = _claims(value)
    return claims.get("role") == "service_role"


def is_kubernetes_token(value: str) -> bool:
    """A service account's token: its claims are named after `kubernetes.io`."""
    claims = _claims(value)
    if claims.get("iss") == "kubernetes/serviceaccount":
        return True
    return any(name.startswith("kubernetes.io") for name in claims)


def is_basic(value: str) -> bool:
    """RFC 7617, section 2: base64 of `user:password`, neither empty."""
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    user, colon, password = text.partition(":")
    if not text.isprintable() or not colon:
        return False
    return bool(user or password) and not (password and is_blank(password))


def is_mail_login(value: str) -> bool:
    """RFC 4616, section 2: base64 of `[authzid] NUL authcid NUL passwd`."""
    try:
        _, user, password = base64.b64decode(value, validate=True).decode().split("\0")
    except (binascii.Error, ValueError):
        return False
    return bool(user and password) and not is_blank(password)


def is_encoded_secret(value: str) -> bool:
    """Base64 of a text that is no placeholder, as in the `data` of a Kubernetes Secret."""
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    try:
        text = raw.decode().strip()
    except ValueError:
        return len(raw) >= 12
    return len(text) >= 4 and not is_placeholder(text)


type Name = Literal[
    "access-token", "basic", "drawn", "encoded", "id-token", "jwt", "keyed",
    "kubernetes-token", "likely", "listed", "mail-login", "marked", "mixed", "password", "phrase", "random", "refresh-token",
    "strong", "supabase-service",
]  # fmt: skip

CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "access-token": is_access_token,
        "basic": is_basic,
        "drawn": is_drawn_at_end,
        "encoded": is_encoded_secret,
        "id-token": is_id_token,
        "jwt": is_jwt,
        "keyed": is_keyed,
        "kubernetes-token": is_kubernetes_token,
        "likely": is_likely,
        "listed": is_listed,
        "mail-login": is_mail_login,
        "marked": is_marked,
        "mixed": is_mixed,
        "password": is_password,
        "phrase": is_phrase,
        "random": is_random,
        "refresh-token": is_refresh_token,
        "strong": is_strong,
        "supabase-service": is_supabase_service,
    }
)
