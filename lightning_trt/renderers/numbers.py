"""Numbers as people read them: one spelling in every report.

Values have four significant digits; drops carry their sign and at least as many decimals as their value has.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_trt.artifacts import MetricReport

__all__ = ["drop_with_interval", "mebibytes", "milliseconds", "number", "sample_range", "signed", "times"]

_DIGITS = 4


def number(value: float | None) -> str:
    """`value` with four significant digits; None is a dash.

    Example:
        >>> from lightning_trt.renderers.numbers import number
        >>> number(0.93125), number(1.0), number(12.3456), number(45678.9), number(2.5e-7), number(float("nan"))
        ('0.9313', '1.000', '12.35', '45679', '2.500e-07', 'NaN')
    """
    if value is None:
        return "-"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+}".capitalize().replace("inf", "Inf")
    return f"{value:.{_decimals(value)}f}" if _is_plain(value) else f"{value:.{_DIGITS - 1}e}"


def signed(value: float | None, *, form: str = "+.4f") -> str:
    """`value` with its sign, spelt by the format `form`; what rounds to zero has no sign.

    Example:
        >>> from lightning_trt.renderers.numbers import signed
        >>> signed(0.00123), signed(-0.0003), signed(-0.00001), signed(None), signed(float("nan"))
        ('+0.0012', '-0.0003', '0.0000', '-', 'NaN')
    """
    if value is None or not math.isfinite(value):
        return number(value)
    text = format(value, form)
    return text[1:] if float(text) == 0 else text


def drop_with_interval(metric: MetricReport) -> tuple[str, str]:
    """The drop of `metric` and its interval, with as many decimals; a question mark where it is not to be trusted.

    Example:
        >>> from lightning_trt.artifacts import MetricReport
        >>> from lightning_trt.renderers.numbers import drop_with_interval
        >>> accuracy = MetricReport(
        ...     value=0.9303, drop=0.0012, drop_low=-0.0003, drop_high=0.0027, confidence=0.95, higher_is_better=True,
        ...     trusted=True, why_not=None, evidence=None)
        >>> drop_with_interval(accuracy)
        ('+0.0012', '[-0.0003, +0.0027]')
    """
    numbers = (metric.drop, metric.drop_low, metric.drop_high)
    form = drop_form(metric.value, *(each for each in numbers if each is not None))
    drop, low, high = (signed(each, form=form) for each in numbers)
    interval = "" if metric.drop_low is None and metric.drop_high is None else f"[{low}, {high}]"
    return drop, interval if metric.trusted else f"{interval}?"


def drop_form(value: float, *drops: float) -> str:
    """The format of drops beside `value`: its decimals, one more where they would hide the drops, or powers of ten.

    Example:
        >>> from lightning_trt.renderers.numbers import drop_form
        >>> drop_form(0.93, 0.0012), drop_form(0.93, 0.00004), drop_form(31.5, 0.2), drop_form(2e-5, 1e-7)
        ('+.4f', '+.5f', '+.2f', '+.1e')
    """
    sizes = [abs(each) for each in drops if math.isfinite(each)]
    largest = max([abs(value), *sizes] if math.isfinite(value) else sizes, default=0.0)
    if _is_plain(largest):
        decimals = _decimals(largest)
        are_hidden = 0 < max(sizes, default=0.0) < 10**-decimals
        return f"+.{decimals + are_hidden}f"
    return "+.1e"


def milliseconds(value: float | None) -> str:
    """A latency with three significant digits.

    Example:
        >>> from lightning_trt.renderers.numbers import milliseconds
        >>> milliseconds(0.41234), milliseconds(9.8765), milliseconds(1234.5), milliseconds(None)
        ('0.412', '9.88', '1234', '-')
    """
    if value is None or not math.isfinite(value):
        return number(value)
    return f"{value:.{max(0, min(3, 2 - _exponent(value)))}f}"


def mebibytes(count: int | None) -> str:
    """A size in MiB, or KiB where it is below 0.1 MiB.

    Example:
        >>> from lightning_trt.renderers.numbers import mebibytes
        >>> mebibytes(44_739_242), mebibytes(209_715), mebibytes(5_120), mebibytes(None)
        ('42.7 MiB', '0.20 MiB', '5.0 KiB', '-')
    """
    if count is None:
        return "-"
    size = count / 2**20
    if size < 0.1:  # noqa: PLR2004 - see the first line
        return f"{count / 2**10:.1f} KiB"
    return f"{size:.2f} MiB" if size < 10 else f"{size:.1f} MiB"  # noqa: PLR2004 - three digits


def times(factor: float | None) -> str:
    """A speedup.

    Example:
        >>> from lightning_trt.renderers.numbers import times
        >>> times(2.367), times(0.9), times(None)
        ('2.37x', '0.90x', '-')
    """
    return f"{factor:.2f}x" if factor is not None and math.isfinite(factor) else number(factor)


def sample_range(samples: tuple[int, int | None]) -> str:
    """How many samples would decide.

    Example:
        >>> from lightning_trt.renderers.numbers import sample_range
        >>> sample_range((1200, 2400)), sample_range((31000, None))
        ('1,200 to 2,400 samples', 'more than 31,000 samples')
    """
    low, high = samples
    return f"more than {low:,} samples" if high is None else f"{low:,} to {high:,} samples"


def _is_plain(value: float) -> bool:
    # Beyond these nobody counts zeros or digits any more.
    return value == 0 or 1e-3 <= abs(value) < 1e9  # noqa: PLR2004 - see above


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0


def _decimals(value: float) -> int:
    """Decimals that show `value` with four significant digits, at most four of them."""
    # A metric of magnitude below 1 is most often a share: its fourth decimal is its fourth digit to a reader.
    return max(0, _DIGITS - 1 - max(_exponent(value), -1))
