"""Is a value near a word for a secret the secret? Law: a value is judged by its form and by at most `REACH`
code points beside it, so time grows with the text; none is judged without such a word near.

Rules find secrets in wordings that somebody thought of. Here a small model weighs what can be seen
of any value: what it is made of, where the word stands (`Passwort`, `mdp`, `PIN`), what stands
between, and what the words beside it mean (`secret_words.yaml`). It was trained by `training/secrets`;
its weights are `models/secrets.json`.
"""

from __future__ import annotations

import bisect
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gateway.detectors import secret_checks
from gateway.detectors.context import Context, Vocabulary
from gateway.detectors.prefilter import Expression, word
from gateway.detectors.probes import Raw
from gateway.detectors.secret_values import (
    KINDS,
    REACH,
    SPELLED,
    STRONG,
    Cue,
    Value,
    code_signs,
    cues_in,
    meanings,
    values,
    written,
)
from gateway.documents import Strict, load

NAME = "secret:judged"
"""The detector, as findings name it."""

MOST = 200
"""Values that are judged in one window, which has up to 8 KB: a list of more is one for the rules."""

MODEL = Path(__file__).parent / "models" / "secrets.json"

_SURE_FORMS = frozenset({"strong", "tossed", "paired", "drawn", "signs"})
_SOFT_FORMS = frozenset({"numbered", "small", "signed", "turning", "mixed", "words", "row"})


def group(shape: str) -> str:
    """How much a form says: PINs, what nothing but a secret has, what may be one, what names have."""
    if shape.startswith("pin"):
        return "pin"
    if shape in _SURE_FORMS:
        return "sure"
    return "soft" if shape in _SOFT_FORMS else "doubtful"


# --- what can be seen ----------------------------------------------------------------------------

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NAME = 48
"""Code points that a speaker's name and the time take at most."""
_SPEAKER = re.compile(
    r"(?:[\[(]?\d{1,2}:\d\d(?::\d\d)?(?: ?[AaPp][Mm])?[\])]?\s*)?(?:\[[^\]\n]{1,20}\]\s*)?<?[\w.@ -]{1,24}>?\s{0,2}:?\s*(?:\d\d:\d\d)?\s*"
)
_CALL = re.compile(r"\w\(|\w\.\w+\.\w")
_STATEMENT = re.compile(
    r"\s*(?:const|let|var|def|return|import|from|class|export|public|private|else|elif|try|@\w+)\b"
)


def _code_in(line: str) -> int:
    """How much of a line, or of a part of one, only code has."""
    signs = code_signs(line)
    if "(" in line or "." in line:
        signs += len(_CALL.findall(line))
    return signs + (_STATEMENT.match(line) is not None)


_LOG = re.compile(r"\d\d:\d\d:\d\d|\b(?:INFO|WARN|ERROR|DEBUG|TRACE)\b|^\s*[|+]")


def _steps(text: str, first: int, last: int) -> tuple[int, int, int]:
    """Words, ends of sentences and ends of lines between two places."""
    between = text[first:last]
    breaks = sum(map(between.count, (". ", "? ", "! ", ".\n", "?\n", "!\n")))
    return (
        sum(each[-1].isalpha() or each[0].isalpha() for each in between.split()),
        breaks,
        between.count("\n"),
    )


def _far(words: int, breaks: int, lines: int) -> str:
    near = (
        "0"
        if words == 0
        else "1"
        if words < 3
        else "3"
        if words < 6
        else "6"
        if words < 12
        else "far"
    )
    return f"{near}{'.' * min(breaks, 1)}{'/' * min(lines, 2)}"


def seen(text: str, value: Value, cues: Sequence[Cue]) -> list[str]:
    """Everything that the model may weigh of a value, by name; empty where it cannot be a secret.

    `cues` are the words for secrets around, by place.
    """
    start, end, shape = value
    at = bisect.bisect_left(cues, (start,))
    before = next((c for c in reversed(cues[:at]) if c.end <= start and c.kind in STRONG), None)
    after = next((c for c in cues[at:] if c.start >= end and c.kind in STRONG), None)
    around = {c.kind for c in cues if c.end <= start or c.start >= end}
    of = group(shape)
    if before is None and after is None:
        if of == "pin":
            if "code" not in around:
                return []
        elif "login" not in around or of == "doubtful":
            return []
    line = text.rfind("\n", max(0, start - REACH), start) + 1
    line = max(line, start - REACH)
    stop = text.find("\n", end, end + REACH)
    stop = min(len(text), end + REACH) if stop < 0 else stop
    left, right = text[line:start], text[end:stop]
    code = _code_in(left) + _code_in(right)
    if code > 1:
        return []  # rules know code
    if of == "sure" and "PUBLIC KEY" in text[max(0, start - REACH) : start]:
        return []
    known = meanings()
    size = end - start
    found = ["bias", f"shape={shape}", f"size={of}:{min(size // 3, 8)}"]
    # Where the words for secrets are.
    places, near = [], []
    for name, cue in (("before", before), ("after", after)):
        if cue is None:
            places.append(f"{name}=none")
            continue
        gap = (cue.end, start) if name == "before" else (end, cue.start)
        steps = _steps(text, *gap)
        far = _far(*steps)
        places.append(f"{name}={cue.kind}:{far}")
        found.append(f"{name}:{far}")
        found.append(f"{name}:{cue.kind}")
        if not steps[0]:
            near.append(name)
        if name == "before" and steps[2]:
            asked = "?" in text[cue.end : cue.end + 60].split("\n", 1)[0]
            found.append("asked" if asked else "over")
    found += places
    found += [f"{of}&{place}" for place in places]
    found += [f"has={kind}" for kind in around]
    # What stands directly beside it.
    sign = left.rstrip(" \t")[-1:]
    sign = sign if sign in _SIGNS else "a" if sign.isalnum() else "" if not sign else "?"
    spaced = left[-1:] in {" ", "\t", ""}
    found.append(f"sign={sign}{'_' if spaced else ''}")
    closing = right.lstrip(" \t")[:1]
    found.append(
        f"then={closing if closing in _SIGNS else 'a' if closing.isalnum() else '$' if not closing else '?'}"
    )
    if of == "doubtful":
        found.append(f"doubtful&sign={sign}")
    # What the words around mean.
    words = _WORD.findall(left.lower())[-6:][::-1]
    later = _WORD.findall(right[:60].lower())[:4]
    direct = sign == "a" or (sign in ":#=-\"'`(" and spaced is False) or sign in "\"'`(:="
    for place, each in enumerate(words):
        where = "1" if place == 0 and direct else "2" if place < 3 else "4"
        for meaning in known.get(each, ("word",) if place == 0 else ()):
            found.append(f"<{where}{meaning}")
            if place == 0:
                found.append(f"{of}&<{where}{meaning}")
    for place, each in enumerate(later):
        where = "1" if place == 0 else "2"
        for meaning in known.get(each, ("word",) if place == 0 else ()):
            found.append(f">{where}{meaning}")
            if place == 0:
                found.append(f"{of}&>{where}{meaning}")
    if "before" in near:
        found.append("<1cue")
    # The line.
    alone = not left.strip(" \t>*-•\"'`") and not right.strip(" \t.!\"'`")
    if alone:
        found.append("alone")
    elif not left.strip(" \t>*-•\"'`"):
        found.append("first")
    elif ":" in left and len(left) < _NAME and _SPEAKER.fullmatch(left):
        found.append("said" if right.strip(" \t.!\"'`") else "said-alone")
    if alone or "said-alone" in found:
        found.append(f"{of}&alone")
    if code:
        found += ["code", f"{of}&code"]
    if _LOG.search(left):
        found.append("log")
    sentence = set(_WORD.findall(text[max(0, start - 90) : start].lower())) | set(later)
    if not sentence.isdisjoint(_DIGESTS) and _HEX.fullmatch(text, start, end):
        return []
    for meaning in {m for each in sentence for m in known.get(each, ()) if m in _OVERALL}:
        found.append(f"~{meaning}")
        if meaning == "opens" and of == "pin":
            found.append("pin~opens")
    if text.find(text[start:end], max(0, start - REACH), start) >= 0:
        found.append("again")
    return list(dict.fromkeys(found))


_DIGESTS = frozenset(
    "sha md hash checksum digest fingerprint commit commits revision prüfsumme empreinte".split()
)
_HEX = re.compile(r"[0-9a-fA-F:]{7,}")
_OVERALL = frozenset({"rule", "lacking", "opens", "asked", "set", "use", "other", "user"})
_SIGNS = frozenset(":=-–—>/(\"'`,.+#„“«|?*&")


# --- the model -----------------------------------------------------------------------------------


class Judge:
    """What was learned: a weight for each thing that can be seen, and how sure is sure enough."""

    def __init__(self, weights: Mapping[str, float], least: Mapping[str, float]) -> None:
        self._weights = weights
        self._least = least

    @classmethod
    def load(cls, path: Path = MODEL) -> Judge:
        """The model that ships, or the one at `path`."""
        model = load(path.read_text(encoding="utf-8"), _Model, source=path.name)
        return cls(model.weights, model.least)

    def chance(self, found: Sequence[str]) -> float:
        """How likely a value is a secret of which this is `seen`, 0 to 1."""
        weights = self._weights
        return 1 / (1 + math.exp(-sum(weights.get(each, 0.0) for each in found)))

    def confidence(self, chance: float, shape: str) -> float:
        """What a finding is worth: 0 below what is sure enough for such a value."""
        least = self._least[group(shape)]
        if chance < least:
            return 0.0
        return LEAST + (MOST_SURE - LEAST) * (chance - least) / (1 - least)


LEAST, MOST_SURE = 0.55, 0.8
"""A word nearby is no proof: findings are worth about what those of the rules for sentences are."""


class _Model(Strict):
    weights: dict[str, float]
    least: dict[str, float]


def _expressions() -> tuple[Expression, ...]:
    """What the prefilter looks for: words for secrets. Those of other scripts it knows one by one."""
    before = REACH + _LONGEST
    spelled = frozenset(map(word, SPELLED))
    return (
        Expression(written(), re.IGNORECASE, before, REACH),
        Expression("|".join(SPELLED), 0, before, REACH, words=spelled),
    )


_LONGEST = 40
"""Code points of the longest word for a secret."""


def about(cues: Sequence[Cue], value: Value) -> tuple[str, Sequence[Cue]]:
    """What a value would be, a password or a key, and the words near it; empty when none is about it.

    `cues` are by place. The nearest word of those that say something tells. A key is drawn, and no word.
    """
    first = bisect.bisect_left(cues, (value.start - REACH,))
    last = bisect.bisect_right(cues, (value.end + REACH,))
    near = cues[first:last]
    told = [cue for cue in near if cue.kind in STRONG] or near
    if not told:
        return "", near
    nearest = min(told, key=lambda cue: max(cue.start - value.end, value.start - cue.end))
    if nearest.kind != "key":
        return "PASSWORD", near
    if value.shape in _KEYS or any(cue.kind in _PASSWORDS for cue in near):
        return "GENERIC_SECRET", near
    return "", near


_KEYS = frozenset({"drawn", "digest", "tossed"})
_PASSWORDS = frozenset({"password", "phrase", "login"})


class JudgeProbe:
    """The judge, asked about values near words for secrets."""

    name = NAME
    entity = "PASSWORD"
    strongest = MOST_SURE
    vocabulary = Vocabulary(())

    def __init__(self, judge: Judge, disabled: frozenset[str] = frozenset()) -> None:
        self.expressions = _expressions()
        self._judge = judge
        self._disabled = disabled

    def find(self, text: str, start: int, end: int, around: Context, /) -> Iterator[Raw]:
        """Secrets that start in `text[start:end]`, without those that rules have found."""
        if end - start < _SHORT and _is_code(text[start:end]):
            return
        cues = cues_in(text, max(0, start - REACH), min(len(text), end + REACH))
        if not any(cue.kind in _TELLING for cue in cues):
            return
        known = sorted(each for each in around.secrets if each[0] < end and start < each[1])
        for value in itertools.islice(values(text, start, end, known), MOST):
            entity, near = about(cues, value)
            if not entity or entity in self._disabled:
                continue
            told = seen(text, value, near)
            sure = self._judge.confidence(self._judge.chance(told), value.shape) if told else 0.0
            if sure and not is_placeholder(text, value):
                yield Raw(value.start, value.end, round(sure, 2), entity, self)


_TELLING = frozenset(KINDS)
_SHORT = 700
"""Code points of a window around one word, or a few."""


def _is_code(text: str) -> bool:
    """So many signs that prose has not: rules know code."""
    return code_signs(text) * 25 > len(text)


def is_placeholder(text: str, value: Value) -> bool:
    """A value that waits for a secret, or that everybody would write as an example."""
    written = text[value.start : value.end]
    if value.shape.startswith("pin"):
        return len(set(written)) == 1 or written in "123456789"
    return secret_checks.is_placeholder(written)


def probes(disabled: frozenset[str]) -> list[JudgeProbe]:
    """The judge, where what it finds is not `disabled`."""
    return [] if "PASSWORD" in disabled else [JudgeProbe(Judge.load(), disabled)]
