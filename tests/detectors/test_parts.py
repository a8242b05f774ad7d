"""What is only a part of something longer that programs write wants a word; a value does not."""

from __future__ import annotations

import pytest

from gateway.detectors.parts import is_part


def of(text: str, value: str) -> bool:
    at = text.index(value)
    return is_part(text, at, at + len(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("id 3165453d-d501-4e49-8675-6d4f01aa22bc", "3165453d"),
        ("898e3474-4709-4715-971b-d77189b8b528", "3474-4709-4715"),
        ("commit dc3f6704 mends it", "dc3f6704"),
        ("loss=2.34567891e-03", "34567891e"),
        ("4.34567891E+03", "34567891E"),
        ("x = -1.6742681353491076", "6742681353491076"),
        ("at 1731231231231.25 s", "1731231231231"),
        ("syntax 1.3.6.1.4.1.1466", "6.1.4"),
        ("34567891e-03", "34567891e"),
    ],
)
def test_parts(text, value):
    assert of(text, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("paid with 4111111111111111.", "4111111111111111"),
        ("4111111111111111.0,4012888888881881.00", "4111111111111111"),
        ("4111111111111111.0,4012888888881881.00", "4012888888881881"),
        ("card no.4111111111111111", "4111111111111111"),
        ("en;q=0.4111111111111111", "4111111111111111"),
        ("2.4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("12345678Z", "12345678Z"),
        ("id 3165453d-d501-4e49-8675-6d4f01aa22bc", "3165453d-d501-4e49-8675-6d4f01aa22bc"),
        ("3165453d-d501-4e49-8675-6d4f01aa22bc", "3165453d-d501-4e49-8675-6d4f01aa22bc"),
        ("457-55-5462", "457-55-5462"),
        ("MH12AB1234", "MH12AB1234"),
        ("am 12.11.2019", "12.11.2019"),
        ("34567891E", "34567891E"),
    ],
)
def test_values(text, value):
    assert not of(text, value)
