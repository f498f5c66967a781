"""Tests that pass with the oldest and the newest versions that pyproject.toml allows, in environments of their own.

`python benchmarks/matrix.py` makes the environments one after the other in a temporary folder, which takes some 6 GB
and half an hour; `--only NAME` runs one of them and leaves the results of the others as they are. The Pythons are
found on PATH. An environment with `lightning` has `pytorch_lightning` too, because that package requires it; the other
one has `pytorch_lightning` alone. Tests are those of whole fits and exports, in one process and in two, of the replay
of Lightning's loops, of LightningCLI, Hydra and the command; their tools are the newest there are. Warnings are no
errors here: old packages have their own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import parse

import tomllib
from record import circumstances

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "matrix.json"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NEEDS: list[str] = PROJECT["project"]["dependencies"]
TESTERS: list[str] = [each for each in PROJECT["dependency-groups"]["test"] if isinstance(each, str)]
TOOLS = (
    "hypothesis",
    "jinja2",
    "jsonargparse",
    "jsonschema",
    "matplotlib",
    "pytest",
    "pytest-timeout",
    "scikit-learn",
    "scipy",
    "setuptools",
    "tensorboard",
)
"""What the tests below need besides, of pyproject.toml's group `test`."""
TESTS = (
    "tests/callbacks/test_packages.py",
    "tests/callbacks/test_results.py",
    "tests/callbacks/test_lightning_cli.py",
    "tests/cli/test_export.py",
    "tests/conf/test_mounted.py",
    "tests/conf/test_trt_export.py",
    "tests/replay/test_fidelity.py",
)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Versions to be tested together: `pins` win over what `is_lowest` says of each dependency."""

    python: str
    is_lowest: bool = False
    pins: tuple[str, ...] = ()
    has_lightning: bool = False


# Lightning 2.2 imports pkg_resources, which later releases of setuptools do not have.
OLD = ("setuptools<81",)
ENVIRONMENTS = {
    "lowest": Environment(python="3.10", is_lowest=True, pins=OLD),
    "lowest-lightning": Environment(python="3.10", is_lowest=True, pins=OLD, has_lightning=True),
    "highest": Environment(python="3.13"),
    "highest-lightning": Environment(python="3.13", has_lightning=True, pins=("hydra-core>=1.4.0rc1",)),
}


def main() -> int:
    """Exit status, 1 where a test failed; results/matrix.json has each environment that was run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=ENVIRONMENTS, action="append", help="an environment; may be given again")
    parser.add_argument("--torch-index", help="a further index for torch, e.g. that of builds for processors")
    parser.add_argument("--folder", type=Path, help="make the environments here, and leave them")
    asked = parser.parse_args()
    found = json.loads(RESULTS.read_text(encoding="utf-8"))["environments"] if RESULTS.exists() else {}
    for name in asked.only or ENVIRONMENTS:
        folder = asked.folder or Path(tempfile.mkdtemp(prefix="matrix-"))
        python = made(ENVIRONMENTS[name], folder / name, index=asked.torch_index)
        found[name] = tested(ENVIRONMENTS[name], python)
        write({each: found[each] for each in ENVIRONMENTS if each in found})
        print(f"{name}: {found[name]['passed']} passed, {found[name]['failed']} failed")
        if asked.folder is None:
            shutil.rmtree(folder)
    return int(any(found[name]["failed"] for name in asked.only or ENVIRONMENTS))


def made(environment: Environment, folder: Path, *, index: str | None) -> Path:
    """The Python of `environment`, in `folder`; what is there already stays."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([f"python{environment.python}", "-m", "venv", folder], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    subprocess.run([*pip, "--upgrade", "pip"], check=True)
    lightning = [each for each in TESTERS if environment.has_lightning and name_of(each) == "lightning"]
    wanted = [*NEEDS, *lightning]
    pinned = [*map(lowest, wanted), *environment.pins] if environment.is_lowest else environment.pins
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(pinned), encoding="utf-8")
    tools = [each for each in TESTERS if name_of(each) in TOOLS]
    extra = ["--extra-index-url", index] if index else []
    subprocess.run([*pip, *extra, "--constraint", constraints, *wanted, *environment.pins, *tools], check=True)
    subprocess.run([*pip, "--no-deps", "--editable", ROOT], check=True)
    return python


def name_of(requirement: str) -> str:
    """The distribution of a requirement, without its extras and versions."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def lowest(requirement: str) -> str:
    """The least version that a requirement allows, as a constraint.

    Example:
        >>> lowest("rich>=13,<16")
        'rich==13'
    """
    return re.sub(r"\[.*?\]|,.*", "", requirement).replace(">=", "==")


def tested(environment: Environment, python: Path) -> dict[str, object]:
    """Versions, numbers of tests, and names of those that failed."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder, "junit.xml")
        # Where `lightning` is not installed, so that its tests cannot run.
        chosen = (
            [] if environment.has_lightning else ["-k", "not lightning.pytorch and not reproduces and not docstrings"]
        )
        subprocess.run(
            [
                python,
                "-m",
                "pytest",
                "-q",
                "-W",
                "default",
                "-p",
                "no:cacheprovider",
                f"--junitxml={junit}",
                *chosen,
                *TESTS,
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        cases = parse(junit).getroot().iter("testcase")  # noqa: S314 - pytest wrote it
        outcomes = {f"{case.get('classname')}::{case.get('name')}": outcome(case) for case in cases}
    return {
        "created": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "versions": versions(python),
        "seconds": round(time.monotonic() - started),
        **{each: sum(said == each for said in outcomes.values()) for each in ("passed", "failed", "skipped")},
        "failures": sorted(name for name, said in outcomes.items() if said == "failed"),
    }


def outcome(case: Element) -> str:
    """Passed, failed or skipped: what pytest wrote of a test."""
    kinds = {child.tag for child in case}
    if kinds & {"failure", "error"}:
        return "failed"
    return "skipped" if "skipped" in kinds else "passed"


def versions(python: Path) -> dict[str, str]:
    """Of Python, and of each package that we need and that is installed there."""
    script = "import json, platform; from importlib.metadata import distributions as all; print(json.dumps({'python': \
platform.python_version(), **{each.metadata['Name'].lower().replace('_', '-'): each.version for each in all()}}))"
    told = json.loads(subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout)
    wanted = ["python", *(name_of(each).lower().replace("_", "-") for each in NEEDS), "lightning"]
    return {name: told[name] for name in wanted if name in told}


def write(environments: dict[str, object]) -> None:
    """Nothing; the results are in results/matrix.json."""
    content = {
        "benchmark": "matrix",
        "command": "python benchmarks/matrix.py",
        "method": __doc__.split("\n\n")[1].replace("\n", " "),
        "machine": circumstances()["machine"],
        "tests": TESTS,
        "environments": environments,
    }
    RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
