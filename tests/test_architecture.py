"""The house as design and style want it: importing is light, the signposts point inside, the wheel is whole."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from zipfile import ZipFile

import pytest
from importlinter.api import read_configuration

import lightning_trt
from lightning_trt import errors

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lightning_trt"
FILES = sorted(path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
SOURCES = [path for path in FILES if path.suffix == ".py"]

# One list of the torch-free rooms, read from where import-linter reads it.
(TORCH_FREE,) = (
    contract
    for contract in read_configuration(str(ROOT / "pyproject.toml"))["contracts_options"]
    if contract["type"] == "forbidden"
)

IMPORT_AND_SAY = """
import sys
import lightning_trt
print(*sorted(set(sys.argv[1:]) & set(sys.modules)))
"""

IMPORT_ALL_WITHOUT = """
import sys
from importlib import import_module
from pkgutil import walk_packages
room, *forbidden = sys.argv[1:]
sys.modules.update(dict.fromkeys(forbidden))  # None there: importing it is an error
for module in walk_packages(getattr(import_module(room), "__path__", ()), room + "."):
    import_module(module.name)
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What a fresh Python did at the root of the repository."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_importing_the_package_is_light() -> None:
    """No torch, no ONNX, no backend: each public name is imported when it is first asked for."""
    heavy = [*TORCH_FREE["forbidden_modules"], "tensorrt", "tensorrt_rtx", "pycuda"]

    run = python("-c", IMPORT_AND_SAY, *heavy)

    assert (run.returncode, run.stdout.split(), run.stderr) == (0, [], "")


@pytest.mark.parametrize("room", TORCH_FREE["source_modules"])
def test_torch_free_room_opens_without_torch(room: str) -> None:
    """All modules of the room import where torch and its company are not installed."""
    run = python("-c", IMPORT_ALL_WITHOUT, room, *TORCH_FREE["forbidden_modules"])

    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("name", ["callbacks", "conf"])
def test_signpost_points_into_the_package(name: str) -> None:
    """A relative link, so that it holds in every clone."""
    signpost = ROOT / name

    assert not signpost.readlink().is_absolute()
    assert signpost.resolve() == PACKAGE.resolve() / name
    assert signpost.is_dir()


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Names of the files in the two archives; the wheel was built from the sdist."""

    sdist: frozenset[str]
    wheel: frozenset[str]


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    """Both archives, built from a copy: setuptools leaves a `build` folder that would end up in the next wheel."""
    source = tmp_path_factory.mktemp("distribution") / "source"
    left_out = shutil.ignore_patterns(".*", "dist", "*.egg-info", "__pycache__", "demo_output", "*_logs", "cache")
    shutil.copytree(ROOT, source, symlinks=True, ignore=left_out)
    shutil.rmtree(source / "build", ignore_errors=True)

    run = python("-m", "build", "--no-isolation", str(source))

    assert run.returncode == 0, run.stderr
    (sdist,) = source.glob("dist/*.tar.gz")
    (wheel,) = source.glob("dist/*.whl")
    with tarfile.open(sdist) as archive, ZipFile(wheel) as zipped:
        names = (name.partition("/")[2] for name in archive.getnames())
        return Distribution(sdist=frozenset(names), wheel=frozenset(zipped.namelist()))


def test_wheel_is_whole(distribution: Distribution) -> None:
    """Code, YAML, the JSON Schema and py.typed: every file of the package."""
    expected = {path.relative_to(ROOT).as_posix() for path in FILES}

    assert expected - distribution.wheel == set()


def test_sdist_is_whole(distribution: Distribution) -> None:
    """Every file of the package is in the source archive too."""
    expected = {path.relative_to(ROOT).as_posix() for path in FILES}

    assert expected - distribution.sdist == set()


def test_wheel_installs_no_signpost(distribution: Distribution) -> None:
    """Nothing but our import names at the top: a `conf` there would be everybody's."""
    tops = {name.partition("/")[0] for name in distribution.wheel}

    assert {top for top in tops if not top.endswith(".dist-info")} <= {"lightning_trt", "hydra_plugins"}


def test_sdist_holds_no_signpost(distribution: Distribution) -> None:
    """A followed link would hold the files twice."""
    assert {name.partition("/")[0] for name in distribution.sdist} & {"callbacks", "conf"} == set()


@pytest.mark.parametrize("name", lightning_trt.__all__)
def test_public_name_says_what_it_is(name: str) -> None:
    """Each public name resolves, with a docstring that somebody wrote."""
    docstring = getattr(lightning_trt, name).__doc__

    assert docstring
    assert not docstring.startswith(f"{name}("), "the signature that dataclass writes where there is no docstring"


def num_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function, signature and body, without its docstring."""
    first = function.body[0]
    docstring = 0 if ast.get_docstring(function) is None else first.end_lineno - first.lineno + 1
    return function.end_lineno - function.lineno + 1 - docstring


def functions() -> dict[str, int]:
    """Number of lines of each function of the package, by file, line and name."""
    return {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": num_lines(node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_file_is_one_idea_long() -> None:
    """No file of the package is over 300 lines."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}

    assert {path: length for path, length in lengths.items() if length > 300} == {}


def test_function_fits_on_a_screen() -> None:
    """No function of the package is over 30 lines, its docstring not counted."""
    assert {name: length for name, length in functions().items() if length > 30} == {}


def test_most_functions_are_small() -> None:
    """Half of all functions are under nine lines."""
    assert median(functions().values()) < 9


def test_errors_tree_names_every_error() -> None:
    """The tree in the docstring, which a reader takes for the whole family, is the whole family."""
    family = {name for name in errors.__all__ if name.endswith("Error")}

    assert {name for name in family if name not in errors.__doc__} == set()
