"""How good is detection, in figures? Annotated texts in, precision and recall out.

`corpus` reads annotated documents, `score` compares what was found with what was expected,
`baseline` says what became worse. Law: pure functions over spans; a text never leaves `corpus`
but to be scanned, so no figure, message or file made here holds a value.
"""

from __future__ import annotations

from gateway.evaluation.baseline import Baseline, Budget, Fall, falls, overdrawn, rates
from gateway.evaluation.corpus import Corpus, Document, Span, gather, load_corpus
from gateway.evaluation.score import Report, Row, Score, evaluate

__all__ = [
    "Baseline",
    "Budget",
    "Corpus",
    "Document",
    "Fall",
    "Report",
    "Row",
    "Score",
    "Span",
    "evaluate",
    "falls",
    "gather",
    "load_corpus",
    "overdrawn",
    "rates",
]
