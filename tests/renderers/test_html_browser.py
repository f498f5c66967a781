"""`report.html` in a real Chromium, from disk, with the network off."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from debian import need
from playwright.sync_api import sync_playwright
from renderers.example_report import example_report, with_everything

from lightning_trt.renderers import html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NASTY = "<script>window.ran = true</script><img src=x onerror='window.ran = true'>"
PHONE, DESK = 390, 1400

# Contrast of a text with what is behind it, as WCAG 2 defines it.
CONTRASTS = """() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const behind = e => { const c = channels(getComputedStyle(e).backgroundColor);
    return c[3] === 0 && e.parentElement ? behind(e.parentElement) : c; };
  const barBelow = e => { e.scrollIntoView({block: "center"}); const box = e.getBoundingClientRect();
    const below = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return below.filter(each => each.tagName === "path").map(each => getComputedStyle(each))
      .find(style => /^rgb/.test(style.fill)); };
  return [...document.querySelectorAll("h1, h2, p, li, a, td, th, dt, dd, code, summary, figcaption")]
    .map(e => [getComputedStyle(e).color, behind(e)])
    .concat([...document.querySelectorAll("svg text")].map(e => {
      const bar = getComputedStyle(e).fill === getComputedStyle(e.closest("section")).backgroundColor && barBelow(e);
      return [getComputedStyle(e).fill, bar ? channels(bar.fill) : behind(e.closest("figure"))]; }))
    .map(([text, ground]) => [light(channels(text)), light(ground)])
    .map(([text, ground]) => (Math.max(text, ground) + .05) / (Math.min(text, ground) + .05));
}"""


EXAMPLE = cache(lambda: html.render(example_report()))
EVERYTHING = cache(lambda: html.render(with_everything(example_report())))


@dataclass(frozen=True)
class Opened:
    """A page that is open, and what it complained of or asked the network for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's browser, without a window."""
    need("chromium", is_there=CHROMIUM is not None)
    with sync_playwright() as driver:
        # Its sandbox needs rights that a container has not; the page is our own.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """A function that opens a page in a window of a width, in the light or in the dark."""
    contexts = []

    def open_page(text: str, *, width: int = DESK, scheme: Any = "light") -> Opened:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
        contexts.append(context)
        found = Opened(page=context.new_page())
        found.page.on("console", lambda message: found.complaints.append(message.text))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("request", lambda request: found.requests.append(request.url))
        (tmp_path / "report.html").write_text(text, encoding="utf-8")
        found.page.goto((tmp_path / "report.html").as_uri())
        return found

    yield open_page
    for context in contexts:
        context.close()


def column(page: Page, title: str) -> list[str]:
    """What stands in the first table's column of that title, from top to bottom."""
    heads = page.locator("#drops thead th").all_inner_texts()
    place = heads.index(title) + 1
    return page.locator(f"#drops tbody td:nth-child({place})").all_inner_texts()


def test_it_opens_from_disk_without_a_complaint(opened: Callable[..., Opened]) -> None:
    """No error on the console, and nothing but the file itself is asked for."""
    found = opened(EVERYTHING())

    assert found.page.title() == "error: best-1f0c7a3e"
    assert [url for url in found.requests if not url.startswith(("file:", "data:"))] == []
    assert found.complaints == []


def test_a_click_sorts_by_number(opened: Callable[..., Opened]) -> None:
    """Once upwards, twice downwards; what was not timed stays at the end."""
    page = opened(EXAMPLE()).page
    head = page.get_by_role("button", name="p50 ms (batch 32)")

    head.click()
    upwards = column(page, "p50 ms (batch 32)")
    head.click()
    downwards = column(page, "p50 ms (batch 32)")

    numbers = [float(text) for text in upwards[:-1]]
    assert (numbers, upwards[-1]) == (sorted(numbers), "-")
    assert downwards == [*sorted(upwards[:-1], key=float, reverse=True), "-"]


def test_the_keyboard_sorts_too(opened: Callable[..., Opened]) -> None:
    """A column's head is a button, and says how it is sorted."""
    page = opened(EXAMPLE()).page
    head = page.locator("#drops thead th").first

    head.locator("button").focus()
    page.keyboard.press("Enter")

    names = column(page, "candidate")
    assert names == sorted(names)
    assert head.get_attribute("aria-sort") == "ascending"


def test_the_keyboard_reaches_everything(opened: Callable[..., Opened]) -> None:
    """Tabbing through meets every link, button, fold and table that scrolls."""
    page = opened(EVERYTHING()).page
    wanted = page.locator("a, button:visible, summary, .scroll:visible, pre").count()

    met = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        met.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))

    assert len(met) >= wanted


def test_names_that_hold_scripts_stay_text(opened: Callable[..., Opened]) -> None:
    """In the tables and in the figures; nothing runs, and nothing is fetched."""
    report = example_report()
    fp16 = replace(report.candidates["fp16"], name=NASTY, reasons=(NASTY,))
    nasty = replace(report, candidates={**report.candidates, NASTY: fp16}, model=NASTY, notes=(NASTY,))

    found = opened(html.render(nasty))

    assert found.page.evaluate("window.ran") is None
    assert NASTY in found.page.locator("#drops tbody").inner_text()
    assert found.page.locator("img").count() == 0
    assert found.complaints == []


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_nothing_sticks_out(opened: Callable[..., Opened], width: int) -> None:
    """The page itself never scrolls sideways; wide tables do, in their place."""
    page = opened(EVERYTHING(), width=width).page

    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_figures_are_readable_on_a_telephone(opened: Callable[..., Opened]) -> None:
    """Words in them are at least ten pixels high, without zooming."""
    page = opened(EVERYTHING(), width=PHONE).page

    heights = page.evaluate("[...document.querySelectorAll('svg text')].map(e => e.getBoundingClientRect().height)")

    assert min(heights) >= 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out(opened: Callable[..., Opened], scheme: str) -> None:
    """Every text has the contrast that WCAG 2 asks for (AA, 4.5 to 1), those in figures too."""
    page = opened(EVERYTHING(), scheme=scheme).page

    assert min(page.evaluate(CONTRASTS)) >= 4.5


def test_without_scripts_it_can_be_read(chromium: Browser, tmp_path: Path) -> None:
    """As an attachment or an artifact of a CI is often shown."""
    (tmp_path / "report.html").write_text(EXAMPLE(), encoding="utf-8")
    context = chromium.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()

    page.goto((tmp_path / "report.html").as_uri())

    assert page.get_by_text("int8-percentile").first.is_visible()
    context.close()
