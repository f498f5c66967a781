"""What the site has beside the pages of this folder: the repository's own pages, and every file that pages link to.

So a link that is right in the repository is right on the site: code becomes a page that shows it, a folder one that
lists what is in it, and anything else is copied. mkdocs calls the functions named `on_...`, by their names.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, InclusionLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Pages at the root of the repository, and what they are called on the site."""

LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".sh": "bash", ".toml": "toml"}
"""What is shown on a page, by its suffix."""

LINK = re.compile(r"(\]\(|^\[[^]]+\]: )(?!\w+:|#)([^)#\s]+)", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """`files` with the repository's own pages, and with all that these and the others link to."""
    for name, uri in PAGES.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / name)))
    pages = [*DOCS.rglob("*.md"), *(ROOT / name for name in PAGES)]
    linked = {path for page in pages for path in targets(page)}
    for path in sorted(set().union(*map(below, linked))):
        if files.get_file_from_path(uri_of(path)) is None:
            files.append(generated(path, config))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs'
    """The page with links to files of the repository leading to where those are on the site."""
    here = Path(page.file.abs_src_path or ROOT / "nowhere").parent

    def led(link: re.Match[str]) -> str:
        path = (here / link[2]).resolve()
        if not path.exists():
            return link[0]  # a broken one stays as it is, for mkdocs to say so
        return link[1] + posixpath.relpath(uri_of(path), posixpath.dirname(page.file.src_uri) or ".")

    return LINK.sub(led, markdown)


def targets(page: Path) -> Iterator[Path]:
    """Files and folders of the repository that a page links to, but for those that the site has anyway."""
    for link in LINK.finditer(page.read_text(encoding="utf-8")):
        path = (page.parent / link[2]).resolve()
        if path.exists() and not (path.is_file() and (DOCS in path.parents or path.name in PAGES)):
            yield path


def below(path: Path) -> set[Path]:
    """`path`, and what it holds if it is a folder."""
    found = {path}
    if path.is_dir():
        found = found.union(*(below(each) for each in path.iterdir() if not each.name.startswith((".", "__pycache__"))))
    return {each for each in found if each.is_dir() or DOCS not in each.parents}


def uri_of(path: Path) -> str:
    """Where a file or a folder of the repository is on the site."""
    name = path.relative_to(ROOT).as_posix()
    if path.is_dir():
        return f"source/{name}/index.md"
    if DOCS in path.parents:
        return path.relative_to(DOCS).as_posix()
    return PAGES.get(name) or f"source/{name}" + (".md" if path.suffix in LANGUAGES else "")


def generated(path: Path, config: MkDocsConfig) -> File:
    """What the site has of a file or a folder of the repository."""
    if path.is_dir() or path.suffix in LANGUAGES:
        return File.generated(config, uri_of(path), content=shown(path), inclusion=InclusionLevel.NOT_IN_NAV)
    return File.generated(config, uri_of(path), abs_src_path=str(path), inclusion=InclusionLevel.NOT_IN_NAV)


def shown(path: Path) -> str:
    """The page of a file of code, or of a folder."""
    title = f"# {path.relative_to(ROOT).as_posix()}\n\n"
    if path.is_dir():
        inside = [each for each in sorted(path.iterdir()) if each in below(path) or DOCS in each.parents]
        start = posixpath.dirname(uri_of(path))
        return title + "\n".join(f"* [{each.name}]({posixpath.relpath(uri_of(each), start)})" for each in inside)
    return f"{title}```{LANGUAGES[path.suffix]}\n{path.read_text(encoding='utf-8')}```\n"
