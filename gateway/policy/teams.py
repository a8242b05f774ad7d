"""Which of a sender's groups are remembered with an incident? Those that somebody asked for by name.

Law: a person may be in hundreds of groups, and most say more of them than of their team. So only
groups are kept that a rule or the setting `teams` names, together with what was asked: what was not
asked for is not known, which is not the same as not being in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from gateway.model import Exchange, Known
from gateway.policy.executable import Glob, PolicySet

MAX_GROUPS = 64
"""Groups of one sender that are kept; of somebody in more nothing is known of the others."""

MAX_ASKED = 500
"""Patterns that are asked for; those of further ones count as not asked."""

MAX_KEYS = 8


@dataclass(frozen=True, slots=True)
class Teams:
    """The patterns of groups that are remembered, in lower case and in order."""

    asked: tuple[str, ...] = ()
    _globs: tuple[Glob, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, policy: PolicySet, wanted: Iterable[str] = ()) -> Self:
        """Those that `policy` asks for in some rule, and those of `wanted`."""
        named = {glob.text for test in policy.sender_tests() for glob in test.groups}
        named.update(text.lower() for text in wanted)
        asked = tuple(sorted(named))[:MAX_ASKED]
        return cls(asked, tuple(Glob.of(text) for text in asked))

    def known(self, exchange: Exchange) -> Known:
        """What is remembered of the sender of `exchange`."""
        keys = exchange.keys
        if keys is not None and len(keys) > MAX_KEYS:
            keys = None
        if exchange.groups is None:
            return Known(None, (), exchange.device, keys)
        groups = sorted(
            group for group in exchange.groups if any(glob.match(group) for glob in self._globs)
        )
        # INVARIANT: of what is in `asked`, nothing is left out.
        asked = self.asked if len(groups) <= MAX_GROUPS else ()
        return Known(frozenset(groups[:MAX_GROUPS]), asked, exchange.device, keys)
