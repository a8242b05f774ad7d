"""Who has sent pictures with faces lately, and to which service? What policies call `history`.

Law: bounded in every direction (time, pictures of one sender, pictures in all), and what goes first is
what is oldest. It holds keyed digests only, in this process's memory alone: another replica, and this
one after a restart, begin anew. Time comes with the exchanges.
"""

from __future__ import annotations

from collections import OrderedDict

from gateway.model import Decision, Exchange, Refuse, Sent

SECONDS = 86_400.0
"""How long a picture is remembered; no rule may look further back."""
OF_ONE = 256
"""Pictures of one sender that are remembered; no rule may ask for more than 200."""
IN_ALL = 100_000
"""Pictures of all senders: some 30 MB."""


class Recent:
    """Pictures with faces that went out, by sender: the actor, or the address where none is known."""

    def __init__(self, *, of_one: int = OF_ONE, in_all: int = IN_ALL) -> None:
        self._of_one, self._in_all = of_one, in_all
        # Senders in the order in which they last sent one, the oldest first.
        self._senders: OrderedDict[str, OrderedDict[tuple[str, str], Sent]] = OrderedDict()
        self._total = 0

    def before(self, exchange: Exchange) -> tuple[Sent, ...]:
        """What the sender of `exchange` has sent before it."""
        kept = self._senders.get(exchange.sender)
        if kept is None:
            return ()
        since = exchange.received_at - SECONDS
        return tuple(sent for sent in kept.values() if sent.at > since)

    def note(self, decision: Decision) -> None:
        """Remember the pictures that went out with `decision`; one that is sent again counts anew."""
        marks = decision.scan.portraits
        if not marks or isinstance(decision.enforcement, Refuse):
            return
        sender = decision.sender
        kept = self._senders.setdefault(sender, OrderedDict())
        self._senders.move_to_end(sender)
        self._total -= len(kept)
        for mark in marks:
            service = decision.route.service
            kept[service, mark] = Sent(decision.at, service, mark)
            kept.move_to_end((service, mark))
        self._total += len(kept)
        while len(kept) > self._of_one:
            kept.popitem(last=False)
            self._total -= 1
        self._forget(decision.at - SECONDS)

    def _forget(self, before: float) -> None:
        """Drop senders that sent nothing since, and the oldest while there are too many pictures."""
        while self._senders:
            oldest = next(iter(self._senders.values()))
            newest = next(reversed(oldest.values()))
            if newest.at > before and self._total <= self._in_all:
                return
            self._total -= len(self._senders.popitem(last=False)[1])

    def __len__(self) -> int:
        return self._total
