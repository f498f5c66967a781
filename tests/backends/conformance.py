"""What every backend must do: a test module inherits `Conformance` and gives its `backend`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from backends.engines import Net, built, net

from lightning_trt.errors import BuildError, InputMismatchError, SessionClosedError, UnsupportedPrecisionError
from lightning_trt.precision import DType, Precision
from lightning_trt.runtime import TRTModule
from lightning_trt.settings import BuildSettings
from lightning_trt.stages.build import build
from lightning_trt.storage import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

    from lightning_trt.artifacts import Engine
    from lightning_trt.protocols import Backend, Session

    Engines = Callable[[Backend, str, Precision], Engine]

NETS = ("residual", "text", "nested")
TOLERANCE = {
    Precision.fp32: 1e-5,
    Precision.tf32: 2e-3,
    Precision.fp16: 2e-3,
    Precision.bf16: 2e-2,
    Precision.int8: 5e-2,
    Precision.fp8: 0.2,
}

each_precision = pytest.mark.parametrize("precision", list(Precision), ids=lambda each: each.value)


class Builds:
    """The cases that need no open engine.

    `precise` is a residual net large enough that the backend gives it every precision; `computes_in` says where layers
    compute in another type than asked for, `settings` how a hopeless graph is built.
    """

    precise = "residual"
    computes_in: Mapping[Precision, DType] = {}
    settings = BuildSettings()

    @pytest.fixture(scope="class")
    @classmethod
    def engines(cls, tmp_path_factory: pytest.TempPathFactory) -> Engines:
        """Each engine once for all cases: TensorRT takes its time."""
        folder = tmp_path_factory.mktemp("engines")
        known: dict[tuple[str, Precision], Engine] = {}

        def engine(backend: Backend, name: str, precision: Precision) -> Engine:
            if (name, precision) not in known:
                into = folder / f"{name}-{precision.value}"
                # The builder may choose no layer of a small net in the type that was asked for.
                settings = BuildSettings(threads=1, require_precision=name != "text")
                known[name, precision] = built(net(name), backend, precision=precision, into=into, settings=settings)
            return known[name, precision]

        return engine

    @pytest.fixture
    def backend(self) -> Backend:
        """The backend under test."""
        raise NotImplementedError

    @pytest.fixture
    def residual(self) -> Net:
        """A convolutional net with one image batch in, logits out."""
        return net("residual")

    @each_precision
    def test_a_precision_is_given_or_refused_with_a_sentence(
        self, backend: Backend, engines: Engines, residual: Net, precision: Precision, tmp_path: Path
    ) -> None:
        """Never a silent fp32: what `why_not` lets pass is built, what it does not let pass is refused by its words."""
        reason = backend.why_not(precision)

        if reason is None:
            assert engines(backend, self.precise, precision).precision is precision
            return
        assert reason.endswith(".")
        with pytest.raises(UnsupportedPrecisionError, match="on"):
            backend.build(residual.graph, precision=precision, into=tmp_path, settings=BuildSettings())

    @each_precision
    def test_layers_prove_the_precision(self, backend: Backend, engines: Engines, precision: Precision) -> None:
        """Most of a residual net's seven weighted layers compute in the type that was asked for."""
        if reason := backend.why_not(precision):
            pytest.skip(reason)

        engine = engines(backend, self.precise, precision)

        assert engine.layers[self.computes_in.get(precision, precision.dtype)] >= 5

    def test_the_engine_tells_its_file(self, backend: Backend, engines: Engines) -> None:
        """Size and digest are those of what was written."""
        engine = engines(backend, "residual", Precision.fp32)

        path = engine.folder / engine.file
        assert (engine.sha256, engine.bytes) == (sha256_of(path), path.stat().st_size)

    def test_the_engine_names_its_backend(self, backend: Backend, engines: Engines) -> None:
        """Loading finds the backend again by it."""
        engine = engines(backend, "residual", Precision.fp32)

        assert (engine.backend, engine.backend_version) == (backend.name, backend.version)

    def test_a_graph_that_it_cannot_run_is_a_build_error(self, backend: Backend, residual: Net, tmp_path: Path) -> None:
        """The sentence names the operator, or the signal that ended the process that read it."""
        model = residual.graph.model.clone()
        next(node for node in model.graph if node.op_type == "Relu").op_type = "NoSuchOperator"
        graph = replace(residual.graph, model=model)

        with pytest.raises(BuildError, match=r"NoSuchOperator|was ended by SIG"):
            build(
                backend,
                {"net": graph},
                name="fp32",
                precision=Precision.fp32,
                calibrator=None,
                into=tmp_path / "fp32",
                settings=self.settings,
            )


class Conformance(Builds):
    """All cases."""

    @pytest.fixture
    def session(self, backend: Backend, engines: Engines) -> Session[Tensor]:
        """An open fp32 engine of the residual net."""
        return backend.open(engines(backend, "residual", Precision.fp32))

    @each_precision
    @pytest.mark.parametrize("kind", ["precise", "text"])
    def test_numbers_are_those_of_the_precision(
        self, backend: Backend, engines: Engines, kind: str, precision: Precision
    ) -> None:
        """Rounding costs what the type costs, on the samples that the ranges came from."""
        if reason := backend.why_not(precision):
            pytest.skip(reason)
        name = self.precise if kind == "precise" else kind
        case = net(name)
        args, kwargs = case.call(4)
        engine = engines(backend, name, precision)

        result = TRTModule(engine, open=backend.open)(*args, **kwargs)

        answer = case.answer(4)
        assert (result - answer).norm() / answer.norm() < TOLERANCE[precision]

    @pytest.mark.parametrize("samples", [1, 3, 8])
    @pytest.mark.parametrize("name", NETS)
    def test_any_batch_size_and_nest_comes_back_as_from_the_module(
        self, backend: Backend, engines: Engines, name: str, samples: int
    ) -> None:
        """Dicts, keywords, whole numbers and booleans go in and out as the module takes and gives them."""
        case = net(name)
        args, kwargs = case.call(samples)
        engine = engines(backend, name, Precision.fp32)

        result = TRTModule(engine, open=backend.open)(*args, **kwargs)

        torch.testing.assert_close(result, case.answer(samples), rtol=1e-4, atol=1e-5)

    def test_outputs_are_fresh(self, session: Session[Tensor], residual: Net) -> None:
        """A caller may keep the first result while the next is computed."""
        first = session({"input_0": residual.inputs[0]})["output_0"]
        kept = first.clone()

        session({"input_0": -residual.inputs[0]})

        assert torch.equal(first, kept)

    def test_inputs_are_left_as_they_are(self, session: Session[Tensor], residual: Net) -> None:
        """The engine reads them only."""
        images = residual.inputs[0].clone()

        session({"input_0": images})

        assert torch.equal(images, residual.inputs[0])

    def test_memory_layout_does_not_matter(self, session: Session[Tensor], residual: Net) -> None:
        """Channels-last images give what contiguous ones give."""
        images = residual.inputs[0]

        strided = session({"input_0": images.to(memory_format=torch.channels_last)})["output_0"]

        torch.testing.assert_close(strided, session({"input_0": images})["output_0"])

    def test_an_open_session_counts_the_same_layers(self, backend: Backend, engines: Engines) -> None:
        """The proof in the manifest can be asked for again."""
        engine = engines(backend, "residual", Precision.fp32)

        with backend.open(engine) as session:
            assert session.layers() == engine.layers

    def test_a_closed_session_says_so(self, session: Session[Tensor], residual: Net) -> None:
        """It does not crash, and tells what to do."""
        session.close()
        session.close()

        with pytest.raises(SessionClosedError, match="Load the engine again"):
            session({"input_0": residual.inputs[0]})

    def test_a_with_block_closes(self, session: Session[Tensor], residual: Net) -> None:
        """The engine's memory is given back at its end."""
        with session:
            pass

        with pytest.raises(SessionClosedError):
            session({"input_0": residual.inputs[0]})

    def test_another_name_is_refused(self, session: Session[Tensor], residual: Net) -> None:
        """The sentence has both names."""
        with pytest.raises(InputMismatchError, match="takes the inputs input_0; it was given x"):
            session({"x": residual.inputs[0]})

    def test_another_type_is_refused(self, session: Session[Tensor], residual: Net) -> None:
        """Bits are never read as another type."""
        with pytest.raises(InputMismatchError, match="has type float64; the engine takes float32"):
            session({"input_0": residual.inputs[0].double()})

    def test_another_shape_is_refused(self, session: Session[Tensor], residual: Net) -> None:
        """The sentence has both shapes."""
        with pytest.raises(InputMismatchError, match=r"shape \(4, 2, 16, 16\); the engine takes \(batch, 3, 16, 16\)"):
            session({"input_0": residual.inputs[0][:, :2]})
