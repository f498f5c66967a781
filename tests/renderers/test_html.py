"""`report.html` as a text: what it holds, what it does without, and that it is the same every time."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import matplotlib as mpl
from hypothesis import HealthCheck, Phase, given, settings
from renderers.example_report import example_report, single_metric, with_everything
from renderers.report_strategies import reports

from lightning_trt.artifacts import GateReport, RangeFit, Verdict
from lightning_trt.renderers import formats, html
from lightning_trt.renderers._reproduction import reproduction
from lightning_trt.renderers.formats import formats_of
from lightning_trt.settings import ExportSettings, plain, settings_of

if TYPE_CHECKING:
    import pytest

    from lightning_trt.artifacts import Report

NASTY = """<script>alert("$x^2$")</script> id="a" -->"""
EVERYTHING = cache(lambda: html.render(with_everything(example_report())))


class Tags(HTMLParser):
    """The tags of a page with their attributes, and all text outside of tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.text += data

    def each(self, attribute: str) -> list[str]:
        """The values of an attribute, over all tags."""
        return [value for _, found in self.tags if (value := found.get(attribute)) is not None]


def renamed(report: Report, name: str) -> Report:
    """`report` with its fp16 candidate called `name`."""
    return replace(report, candidates={**report.candidates, name: replace(report.candidates["fp16"], name=name)})


def test_the_same_report_gives_the_same_page() -> None:
    """To the byte, in another process with other hashes too."""
    code = (
        "import sys; sys.path.insert(0, 'tests'); from renderers.test_html import EVERYTHING; "
        "print(EVERYTHING(), end='')"
    )

    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert again == EVERYTHING()


def test_settings_of_matplotlib_change_nothing_and_stay() -> None:
    """A user's own style is neither taken over nor lost."""
    with mpl.rc_context({"font.size": 31.0, "axes.facecolor": "black", "svg.fonttype": "path"}):
        page = html.render(with_everything(example_report()))

        assert page == EVERYTHING()
        assert mpl.rcParams["font.size"] == 31.0


def test_drawing_opens_no_figure_of_the_users() -> None:
    """`pyplot`, with its list of open figures, is not even imported."""
    code = (
        "import sys; sys.path.insert(0, 'tests'); from renderers.test_html import EVERYTHING; EVERYTHING(); "
        "print('matplotlib.pyplot' in sys.modules)"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said == "False\n"


def test_it_is_one_file() -> None:
    """Nothing is loaded from elsewhere; what links lead to is in the page."""
    page = Tags(EVERYTHING())
    ids = set(page.each("id"))

    links = [link for link in (*page.each("href"), *page.each("xlink:href")) if link != "data:,"]

    assert page.each("src") == []
    assert [link for link in links if link[1:] not in ids] == []
    assert re.findall(r"url\((?!#)", EVERYTHING()) == []


def test_ids_are_unique() -> None:
    """Several figures in one page do not share their parts."""
    ids = Counter(Tags(EVERYTHING()).each("id"))

    assert [name for name, count in ids.items() if count > 1] == []


def test_names_stay_text() -> None:
    """Neither tags nor formulas, in the tables as in the figures."""
    page = html.render(renamed(replace(example_report(), notes=(NASTY,)), NASTY))

    assert page.count("<script>") == 1
    assert "&lt;script&gt;alert(&#34;$x^2$" in page
    assert '&lt;script&gt;alert("$x^2$")&lt;/scr...' in page


def test_each_figure_has_a_table_in_its_section() -> None:
    """Who cannot see it reads it."""
    for section in EVERYTHING().split("<section ")[1:]:
        assert section.count("<svg") == 0 or section.count("<table") > 0, section[:80]


def test_every_table_can_be_scrolled_by_keyboard() -> None:
    """A region with a name that takes the focus."""
    tags = Tags(EVERYTHING()).tags
    regions = [found for tag, found in tags if tag == "div" and found.get("role") == "region"]

    assert len(regions) == sum(tag == "table" for tag, _ in tags)
    assert all(each["tabindex"] == "0" and each["aria-label"] for each in regions)


@given(reports())
@settings(max_examples=15, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
def test_every_report_has_a_page(report: Report) -> None:
    """Also with no candidates, with NaN, and with numbers at the end of what a float holds."""
    assert html.render(report).endswith("</html>\n")


def test_the_tensors_that_lose_most_come_first() -> None:
    """By their ratio of signal to noise; one of which it is not known is left out."""
    fit = RangeFit(name="relu", low=-1.0, high=1.0, clipped=0.001, zeroed=0.2, snr_db=31.5)
    fits = [fit, replace(fit, name="<conv>", snr_db=12.25), replace(fit, name="add", snr_db=None)]

    page = html.render(example_report(), fits={"int8-minmax": fits})

    tensors = page.partition('<section id="tensors"')[2].partition("</section>")[0]
    assert tensors.index("12.2 dB, 0.1 % clipped, 20 % zeroed") < tensors.index("31.5 dB")
    assert "&lt;conv&gt;" in tensors
    assert ">add<" not in tensors


def test_a_report_of_failures_has_a_page() -> None:
    """Nothing measured, nothing drawn, but the reasons stand."""
    report = single_metric(example_report())
    bare = replace(
        report,
        reference=replace(report.reference, metrics={}, latency=()),
        candidates={"bf16": report.candidates["bf16"]},
        gate=GateReport(alpha=0.025, rules=(), results=()),
        chosen=None,
        verdict=Verdict.error,
    )

    page = html.render(bare)

    assert "<svg" not in page
    assert "Could not find an implementation for Conv(11)" in page


def test_without_matplotlib_the_page_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence with the line that mends it; the other formats are there."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    found = formats_of(example_report())

    assert set(found.texts) == {"report.md", "junit.xml"}
    assert (
        found.left_out == "report.html was left out: matplotlib missing. Install: pip install 'lightning-trt[report]'"
    )


def test_a_page_that_cannot_be_drawn_costs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours of building are kept, and the sentence says what happened."""
    monkeypatch.setattr(formats.html, "sections", lambda *_, **__: 1 / 0)

    found = formats_of(example_report())

    assert set(found.texts) == {"report.md", "junit.xml"}
    assert found.left_out is not None
    assert "ZeroDivisionError" in found.left_out


def test_the_picture_is_an_image_of_the_drops() -> None:
    """RGB on white, with something on it."""
    picture = html.picture(example_report())

    assert picture is not None
    assert (picture.shape[2], picture.dtype.name) == (3, "uint8")
    assert 0 < (picture < 128).any(axis=2).mean() < 0.2


def test_how_to_run_it_again_says_every_setting() -> None:
    """What is printed are keywords that make the same settings."""
    asked = settings_of(
        ExportSettings,
        {
            "precisions": ("fp32", "int8"),
            "calibration": {"samples": 64},
            "gate": {"rules": [{"max_drop": 0.02}, {"min_speedup": 1.5, "level": "warn"}], "alpha": 0.05},
            "monitor": "val/acc",
        },
    )

    code = reproduction(replace(example_report(), settings=plain(asked)))

    (call,) = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call) and node.keywords)
    said = {each.arg: ast.literal_eval(each.value) for each in call.keywords}
    checkpoint = said.pop("checkpoint")
    assert checkpoint == example_report().checkpoint.path
    assert settings_of(ExportSettings, said) == asked


def test_how_to_run_it_again_names_what_scored() -> None:
    """Objects of the caller's own, of which the report has the names."""
    told = {"metrics": ["acc"], "predict": "package.predict"}

    said = reproduction(replace(example_report(), settings=told))

    assert said.endswith("    metrics={'acc': ...},\n    predict=...,  # package.predict\n)")
