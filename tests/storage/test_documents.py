"""JSON and YAML of anybody."""

from __future__ import annotations

import pytest

from lightning_trt.storage import is_inside, json_of, yaml_of

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("[" * 101 + "]" * 101, "more than 100 levels", id="deep"),
        pytest.param("[" * 100_000 + "]" * 100_000, "more than 100 levels", id="deeper than Python"),
        pytest.param("1" + "0" * 30, "of 31 digits", id="beyond 64 bits"),
        pytest.param("1" + "0" * 9000, "of 9001 digits", id="beyond Python's own limit"),
        pytest.param("1e999", "larger than any", id="infinite"),
        pytest.param("[NaN]", "NaN is not JSON", id="NaN"),
        pytest.param('{"\\ud800": 1}', "surrogates", id="half a surrogate"),
        pytest.param("{", "Expecting", id="cut off"),
    ],
)
def test_json_that_cannot_be_worked_with_is_refused(text: str, sentence: str) -> None:
    """With why."""
    with pytest.raises(ValueError, match=sentence):
        json_of(text)


def test_json_of_a_hundred_levels_is_read() -> None:
    """As deep as any of ours, and more."""
    assert json_of("[" * 100 + "]" * 100)


def test_numbers_of_64_bits_are_read() -> None:
    """Signed or not."""
    assert json_of(f"[{-(1 << 63)}, {(1 << 64) - 1}]") == [-(1 << 63), (1 << 64) - 1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(LAUGHS, "more than 100,000 values", id="aliases that explode"),
        pytest.param("&a [*a]", "more than 100 levels", id="a list in itself"),
        pytest.param("[" * 3000, "more than 100 levels", id="deep"),
        pytest.param("!!python/object/apply:os.abort []", "could not determine a constructor", id="an object"),
        pytest.param("a: 2001-99-99", "month must be", id="a date that is none"),
        pytest.param("!!timestamp x", "groupdict", id="a tag that does not fit"),
        pytest.param("{", "expected", id="cut off"),
    ],
)
def test_yaml_that_cannot_be_worked_with_is_refused(text: str, sentence: str) -> None:
    """In bounded time and memory."""
    with pytest.raises(ValueError, match=sentence):
        yaml_of(text)


def test_yaml_with_anchors_is_read() -> None:
    """As people write them."""
    assert yaml_of("a: &a {x: 1}\nb: {<<: *a, y: 2}")["b"] == {"x": 1, "y": 2}


@pytest.mark.parametrize("name", ["", ".", "../a", "a/../../b", "/a", "C:a", "a\\..\\b", "a\x00b", 3, None])
def test_names_that_lead_elsewhere_are_not_inside(name: object) -> None:
    """On any system."""
    assert not is_inside(name)
