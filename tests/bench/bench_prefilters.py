"""Which multi-pattern matcher says fastest which patterns can match? Hyperscan, as the prefilter
uses it, against a `google-re2` Set that gates blocks, on the same patterns and texts in one run.

    pip install google-re2; python tests/bench/bench_prefilters.py

Both answers are supersets. That of the Set names blocks; Hyperscan's names places, so patterns run
on less text. The last column counts what is left to the patterns: code points to look at, all
patterns together, per code point of the text.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import regex
from bench_detectors import sample

from gateway.detectors import Settings, recognizers, secret_rules
from gateway.detectors.prefilter import Expression, Prefilter, flatten
from gateway.detectors.probes import SecretProbe

BLOCK = 700
"""Code points of a block that the Set is asked about."""


def expressions() -> list[Expression]:
    probes = [
        *recognizers.probes(Settings()),
        *(SecretProbe(secret_rules.Matcher(rule)) for rule in secret_rules.load_rules()),
    ]
    return [replace(item, words=frozenset()) for probe in probes for item in probe.expressions]


def without_assertions(pattern: str) -> str:
    """The pattern without look-arounds, which the Set does not take: it then matches more."""
    result, at = "", 0
    while at < len(pattern):
        if regex.match(r"\(\?<?[=!]", pattern[at:]):
            depth = 0
            while True:
                if pattern[at] == "\\":
                    at += 1
                elif pattern[at] in "()":
                    depth += 1 if pattern[at] == "(" else -1
                at += 1
                if not depth:
                    break
            continue
        width = 2 if pattern[at] == "\\" else 1
        result += pattern[at : at + width]
        at += width
    return result


def re2_set(wanted: list[Expression]) -> tuple[Any, list[int]]:
    """The Set, and the numbers of the patterns that it does not take."""
    import re2

    options = re2.Options()
    options.max_mem = 1 << 30
    options.log_errors = False
    made, rejected = re2.Set.SearchSet(options), []
    for number, item in enumerate(wanted):
        flags = "i" * bool(item.flags & regex.IGNORECASE) + "s" * bool(item.flags & regex.DOTALL)
        flags += "m" * bool(item.flags & regex.MULTILINE)
        pattern = without_assertions(item.pattern).encode("ascii", "replace").decode()
        try:
            made.Add(f"(?{flags}:{pattern})" if flags else pattern)
        except re2.error:
            rejected.append(number)
            made.Add("$never^")
    made.Compile()
    return made, rejected


def rate(run: Callable[[bytes], int], text: bytes) -> tuple[float, float]:
    """MB/s, and code points left to look at per code point."""
    run(text[:20_000])  # automata are built as they are met
    started = time.process_time()
    left = run(text)
    return len(text) / 1e6 / (time.process_time() - started), left / len(text)


def main() -> None:
    try:
        import re2  # noqa: F401  # is it there?
    except ImportError:
        print("google-re2 is not installed: nothing to compare with")
        sys.exit(0)
    wanted = expressions()
    started = time.process_time()
    made, rejected = re2_set(wanted)
    print(f"re2 Set: {time.process_time() - started:.1f} s to compile {len(wanted)} patterns, "
          f"{len(rejected)} not taken")  # fmt: skip
    started = time.process_time()
    prefilter = Prefilter.build(wanted, key=b"bench", cache_dir=None)
    print(f"Hyperscan: {time.process_time() - started:.1f} s, "
          f"{len(prefilter.unfiltered)} not taken")  # fmt: skip

    def gate(text: bytes) -> int:
        left = 0
        for start in range(0, len(text), BLOCK):
            block = text[start : start + BLOCK]
            left += (len(made.Match(block) or ()) + len(rejected)) * len(block)
        return left

    def place(text: bytes) -> int:
        windows = prefilter.candidates(text)
        return sum(end - start for each in windows.values() for start, end in each)

    print(f"{'text':6}  {'re2 MB/s':>8}  {'left':>6}  {'Hyperscan MB/s':>14}  {'left':>6}")
    for kind in ("mixed", "prose", "code", "logs", "dense"):
        text = flatten(sample(kind, 200_000, 3))
        ours, theirs = rate(place, text), rate(gate, text)
        print(f"{kind:6}  {theirs[0]:8.1f}  {theirs[1]:6.2f}  {ours[0]:14.1f}  {ours[1]:6.2f}")


if __name__ == "__main__":
    main()
