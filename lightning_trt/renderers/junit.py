"""`junit.xml`: what a gate said as test cases, one for each candidate and rule, with unique names."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from lightning_trt.artifacts import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_trt.renderers.rulings import Ruling

__all__ = ["to_text"]

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_text(rulings: Iterable[Ruling]) -> str:
    """The rulings as JUnit XML: a suite for each run; what is inconclusive, or only warns, is skipped.

    What no rule was applied to is no test.

    Example:
        >>> from lightning_trt.renderers.junit import to_text
        >>> print(to_text(()))
        <?xml version="1.0" encoding="utf-8"?>
        <testsuites tests="0" failures="0" errors="0" skipped="0" />
        <BLANKLINE>
    """
    tests = [each for each in rulings if each.verdict is not Verdict.ungated]
    root = ET.Element("testsuites", _counts(tests))
    for run in dict.fromkeys(each.run for each in tests):
        own = [each for each in tests if each.run == run]
        suite = ET.SubElement(root, "testsuite", {"name": _text(run), **_counts(own)})
        for name, ruling in zip(_names(own), own, strict=True):
            suite.append(_case(ruling, name))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _case(ruling: Ruling, name: str) -> ET.Element:
    case = ET.Element("testcase", classname=_text(f"lightning_trt.{ruling.run}.{ruling.candidate}"), name=name)
    properties = ET.SubElement(case, "properties")
    for key in ("expected", "found", "interval"):
        ET.SubElement(properties, "property", name=key, value=_text(getattr(ruling, key)))
    outcome = _outcome(ruling)
    if outcome is not None:
        ET.SubElement(case, outcome, message=_text(ruling.sentence)).text = _text(ruling.sentence)
    return case


def _outcome(ruling: Ruling) -> str | None:
    if ruling.fails:
        return "error" if ruling.verdict is Verdict.error else "failure"
    return None if ruling.verdict is Verdict.passed else "skipped"


def _counts(rulings: Sequence[Ruling]) -> dict[str, str]:
    counts = Counter(_outcome(each) for each in rulings)
    return {
        "tests": str(len(rulings)),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"]),
        "skipped": str(counts["skipped"]),
    }


def _names(rulings: Iterable[Ruling]) -> list[str]:
    # GitLab drops cases whose class and name were there before.
    seen: Counter[tuple[str, str]] = Counter()
    names = []
    for each in rulings:
        key = each.candidate, each.expected
        seen[key] += 1
        names.append(_text(each.expected) + (f" ({seen[key]})" if seen[key] > 1 else ""))
    return names


def _text(text: str) -> str:
    """`text` without what XML cannot hold."""
    return _NO_XML.sub("?", text)
