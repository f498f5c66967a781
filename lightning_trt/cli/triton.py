"""`lightning-trt triton`: an engine in a Triton model repository."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.cli.exits import Exit
from lightning_trt.cli.files import read_runs
from lightning_trt.errors import SettingsError
from lightning_trt.renderers import triton
from lightning_trt.runtime import manifest
from lightning_trt.storage import is_inside, whole_folder

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

    from lightning_trt.artifacts import Engine

__all__ = ["add_to", "run"]


def add_to(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Nothing; `commands` then has this one."""
    parser = commands.add_parser("triton", help="put an engine into a Triton model repository", description=__doc__)
    parser.add_argument("folder", metavar="RUN", help="folder of a run, of which the chosen engine is taken, or of one")
    parser.add_argument("--repository", type=Path, required=True, metavar="DIR", help="the model repository")
    parser.add_argument("--name", help="name of the model; else that of the folder")
    parser.set_defaults(run=run)


def run(asked: Namespace) -> Exit:
    """0; the repository holds the model as version 1, with a `config.pbtxt`, and nothing else of it has changed.

    Raises:
        SettingsError: The run chose no engine, Triton does not serve it, or the repository has a model of that name.
        EngineError: The engine or its manifest is missing or damaged.
    """
    folder = Path(asked.folder).absolute()
    found = manifest.read(_engine_folder(folder))
    manifest.check_files(found)
    name = asked.name or folder.name
    several = len(found.engines) > 1
    models = {f"{name}-{engine.boundary.folder}" if several else name: engine for engine in found.engines.values()}
    texts = {model: triton.config(engine, name=model) for model, engine in models.items()}
    for model in models:
        _check_is_free(asked.repository / model)
    for model, engine in models.items():
        _place(engine, texts[model], into=asked.repository / model)
        print(f"Written: {asked.repository / model}")
        print(_needs(engine))
    return Exit.ok


def _engine_folder(folder: Path) -> Path:
    """The folder itself, or that of the engine that the run in it chose."""
    if not (folder / "report.json").is_file():
        return folder
    (report,) = read_runs([str(folder)])
    if report.chosen is None:
        raise SettingsError(f"the run {folder} chose no engine. Name one: {folder}/CANDIDATE.")
    if not is_inside(report.chosen):
        raise SettingsError(f"the run {folder} chose {report.chosen!r}, which is no folder in it. Name one that is.")
    return folder / report.chosen


def _check_is_free(folder: Path) -> None:
    if folder.exists():
        raise SettingsError(
            f"{folder} is there already, and stays as it is. Remove it, or give another name: --name NAME."
        )


def _place(engine: Engine, text: str, *, into: Path) -> None:
    """Nothing; the folder of the model stands there whole: Triton may be watching."""
    with whole_folder(into) as model:
        (model / "1").mkdir()
        (model / "config.pbtxt").write_text(text, encoding="utf-8")
        shutil.copyfile(engine.folder / engine.file, model / "1" / triton.MODEL_FILES[engine.backend])
        weights = (engine.folder / engine.file).with_suffix(".data")
        if engine.backend == "onnxruntime" and weights.is_file():
            shutil.copyfile(weights, model / "1" / weights.name)


def _needs(engine: Engine) -> str:
    if engine.backend == "onnxruntime":
        return "It needs a Triton with the ONNX Runtime backend."
    gpu = f" on {engine.environment['gpu']}" if "gpu" in engine.environment else ""
    return f"It needs a Triton with TensorRT {engine.backend_version}{gpu}: a plan runs on what it was built for."
