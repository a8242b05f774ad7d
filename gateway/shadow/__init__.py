"""Which hosts look like AI services and are in no catalogue? Shadow AI: found, ranked, drafted.

Law: only what looks like AI is remembered, by host, day and sender: counts, bytes and closed words for
why. No path, no query, nothing that was said; of hosts that do not look so, nothing at all.
"""
