"""TensorRT sessions on a GPU: torch's and pycuda's, streams and threads."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from backends.engines import built, net

from lightning_trt.backends.tensorrt import TensorRT
from lightning_trt.cli import main
from lightning_trt.errors import BackendNotAvailableError
from lightning_trt.precision import Precision
from lightning_trt.runtime import TRTModule, _cuda

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from lightning_trt.artifacts import Engine


def _why_not() -> str:
    try:
        TensorRT()
    except BackendNotAvailableError as error:
        return str(error)
    return ""


WHY_NOT = _why_not()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]

RUN_WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # importing it is an error
import numpy as np
from lightning_trt.runtime import open_engine
folder, file = sys.argv[1:]
batches = np.load(file)
with open_engine(folder) as session:
    found = {name: session({"input_0": batches[name]})["output_0"] for name in batches}
np.savez(file.replace("in.npz", "out.npz"), **found)
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The residual net, with both profiles; in fp32, for TensorRT may take no layer of so small a net in fp16."""
    folder = tmp_path_factory.mktemp("engine") / "fp32"
    return built(net("residual"), TensorRT(), precision=Precision.fp32, into=folder)


def images(samples: int) -> Tensor:
    """Inputs of the residual net, on the GPU."""
    return net("residual").call(samples)[0][0].cuda()


def test_pycuda_gives_bit_for_bit_what_torch_gives(engine: Engine, tmp_path: Path) -> None:
    """In a process without torch, for one sample, several, and more than the largest batch."""
    try:
        _cuda.driver()
    except BackendNotAvailableError as error:
        pytest.skip(str(error))
    batches = {f"batch{samples}": images(samples) for samples in (1, 5, 150)}
    np.savez(tmp_path / "in.npz", **{name: batch.cpu().numpy() for name, batch in batches.items()})
    command = [sys.executable, "-c", RUN_WITHOUT_TORCH, str(engine.folder), str(tmp_path / "in.npz")]

    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as found, TensorRT().open(engine) as session:
        for name, batch in batches.items():
            expected = session({"input_0": batch})["output_0"].cpu().numpy()
            np.testing.assert_array_equal(found[name], expected)


def test_threads_on_streams_of_their_own_give_what_one_gives(engine: Engine) -> None:
    """Bit for bit, with graphs and without, whoever comes first."""
    module = TRTModule(engine, open=TensorRT().open)
    batches = [images(samples) for samples in (1, 2, 3, 8)] * 8
    alone = [module(batch) for batch in batches]
    torch.cuda.synchronize()

    def raced(batch: Tensor) -> Tensor:
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            result = module(batch)
        stream.synchronize()
        return result

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(raced, batches))

    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


def test_a_graph_in_place_gives_what_a_copying_one_gives(engine: Engine) -> None:
    """Tensors that come again, tensors that are new, and new values at an address that was captured."""
    module = TRTModule(engine, open=TensorRT().open)
    batch = images(4)
    expected = module(batch)

    same = [module(batch) for _ in range(4)]
    new = [module(batch.clone()) for _ in range(4)]
    batch.neg_()
    changed = module(batch)

    assert all(torch.equal(each, expected) for each in (*same, *new))
    assert torch.equal(changed, module(batch.clone()))
    assert not torch.equal(changed, expected)


def test_an_address_that_tensorrt_would_not_take_is_copied(tmp_path: Path) -> None:
    """Rows cut from a table start anywhere."""
    case = net("text")
    module = TRTModule(built(case, TensorRT(), precision=Precision.fp32, into=tmp_path / "fp32"), open=TensorRT().open)
    ids, mask = (tensor.cuda() for tensor in case.inputs)

    cut = [module(ids[1:3], mask[1:3]) for _ in range(3)]

    for each in cut:
        torch.testing.assert_close(each, module(ids[1:3].clone(), mask[1:3].clone()))


def test_inspecting_tells_the_time_of_each_layer(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """From TensorRT's profiler, through pycuda or torch."""
    assert main(["inspect", str(engine.folder), "--batch", "4"]) == 0

    said = capsys.readouterr().out
    assert "not timed" not in said
    assert "fp32" in said
