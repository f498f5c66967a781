"""The README's picture: the head of `report.html` of a real run, as a browser shows it.

    python benchmarks/picture.py

It reads `benchmarks/results/gpu_fit/report.json`, which `benchmarks/gpu_fit.py` wrote, and needs the Chromium of
`.ci/apt.txt`.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from lightning_trt.renderers import html, json

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "benchmarks" / "results" / "gpu_fit" / "report.json"
PICTURE = ROOT / "docs" / "images" / "report.png"
WIDTH, HEIGHT = 1200, 1000
COLOURS = 64


def main() -> int:
    """Exit status: 2 where there is no browser; the picture is written."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        sys.stderr.write("No Chromium was found: apt-get install chromium\n")
        return 2
    page = html.render(json.from_text(REPORT.read_text(encoding="utf-8"), REPORT.relative_to(ROOT)))
    taken = Image.open(io.BytesIO(shot(page, browser=browser))).convert("RGB")
    PICTURE.parent.mkdir(exist_ok=True)
    # Few colours and flat areas: a palette is a quarter of the size, and nobody sees it.
    taken.quantize(COLOURS).save(PICTURE, optimize=True)
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size / 1024:.0f} KiB")
    return 0


def shot(page: str, *, browser: str) -> bytes:
    """The head of an HTML page, as PNG."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        path = Path(folder, "report.html")
        path.write_text(page, encoding="utf-8")
        # Its sandbox needs rights that a container has not; the page is our own.
        opened = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        view = opened.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        view.goto(path.as_uri())
        return view.screenshot()


if __name__ == "__main__":
    sys.exit(main())
