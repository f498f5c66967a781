"""The exported graph itself, run by ONNX Runtime: what the export alone costs."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from lightning_trt import backends
from lightning_trt.notices import notice
from lightning_trt.pipeline.job import EXPORTED
from lightning_trt.precision import Precision
from lightning_trt.runtime import TRTModule
from lightning_trt.stages.build import build
from lightning_trt.storage import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import nn

    from lightning_trt.artifacts import OnnxGraph
    from lightning_trt.pipeline.job import Job

__all__ = ["exported_engines"]


@contextmanager
def exported_engines(job: Job, graphs: Mapping[str, OnnxGraph]) -> Iterator[dict[str, dict[str, nn.Module]]]:
    """The graphs as modules by boundary, under the name of the step, until the block ends; empty if not asked for.

    Where ONNX Runtime cannot run them a warning says so: the attribution then has a step less.
    """
    with temporary_folder() as folder, ExitStack() as stack:
        engines: dict[str, dict[str, nn.Module]] = {}
        if job.runs_exported:
            try:
                engines[EXPORTED] = _opened(job, graphs, into=folder / EXPORTED, stack=stack)
            except Exception as error:  # noqa: BLE001 - whatever it is, the candidates need none of it
                notice(
                    f"validation.exported_graph: ONNX Runtime cannot run the exported graph ({error}); the attribution "
                    "leaves it out.",
                )
        yield engines


def _opened(job: Job, graphs: Mapping[str, OnnxGraph], *, into: Path, stack: ExitStack) -> dict[str, nn.Module]:
    backend = backends.choose("onnxruntime").backend
    built = build(
        backend,
        graphs,
        name=EXPORTED,
        precision=Precision.fp32,
        calibrator=None,
        into=into,
        settings=job.settings.build,
        checkpoint_sha256=job.checkpoint.sha256,
    )
    return {
        boundary: stack.enter_context(closing(TRTModule(engine, open=backend.open)))
        for boundary, engine in built.engines.items()
    }
