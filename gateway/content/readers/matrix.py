"""Where does a point of a PDF lie? Matrices of the format: (a, b, c, d, e, f) for x' = ax + cy + e,
y' = bx + dy + f.
"""

from __future__ import annotations

type Matrix = tuple[float, float, float, float, float, float]
type Point = tuple[float, float]

UNIT: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def multiplied(first: Matrix, second: Matrix) -> Matrix:
    """What does `first` and then `second`."""
    a, b, c, d, e, f = first
    p, q, r, s, t, u = second
    return (
        a * p + b * r,
        a * q + b * s,
        c * p + d * r,
        c * q + d * s,
        e * p + f * r + t,
        e * q + f * s + u,
    )


def moved(matrix: Matrix, x: float, y: float) -> Point:
    """The point (`x`, `y`) as `matrix` maps it."""
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f
