"""torch2trt's `TRTModule`: an engine as a module, with a state that `torch.save` and `torch.load` carry."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from torch import nn

from lightning_trt import backends
from lightning_trt.compat.bare import adopted
from lightning_trt.errors import BackendNotAvailableError, EngineError, ManifestError, SessionError
from lightning_trt.loading import load
from lightning_trt.protocols import Builder
from lightning_trt.runtime import TRTModule as Running
from lightning_trt.runtime.manifest import MANIFEST, check_host
from lightning_trt.runtime.packing import TemporaryFolder, unpacked
from lightning_trt.runtime.states import files_of, state_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

    from lightning_trt.artifacts import Engine
    from lightning_trt.compat.report import ConversionReport

__all__ = ["TRTModule"]


class TRTModule(nn.Module):
    """An engine, called as the module that it was made of; empty until an engine or a state is given.

    `engine` is the folder of an engine, whose manifest is checked before anything is opened, or with `trust=True` a
    bare plan or ONNX file, or an engine object of TensorRT's, that you made yourself. For these the names say in which
    order inputs are taken and outputs given.

    `report` says what was chosen, layer by layer, where `torch2trt()` made the module. A deep copy opens a session of
    its own; it cannot be pickled: save its state.

    Example::

        torch.save(model_trt.state_dict(), "resnet18.pth")
        model_trt = TRTModule()
        model_trt.load_state_dict(torch.load("resnet18.pth"))

    Raises:
        ManifestError: The folder has no manifest, or a damaged one.
        DigestMismatchError: A file is not the one that was built.
        ForeignEngineError: The engine was built for another GPU or version.
        EngineError: There is no engine, or one that nobody vouches for.
    """

    def __init__(
        self,
        engine: object = None,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        *,
        trust: bool = False,
    ) -> None:
        super().__init__()
        super().train(mode=False)
        self.report: ConversionReport | None = None
        self._engine: Engine | None = None
        self._running: Running | None = None
        # The folder that nobody else keeps: a session may be opened on it again.
        self._home: TemporaryFolder | None = None
        if isinstance(engine, (str, Path)) and Path(engine).is_dir():
            self._take(_single(load(engine)))
        elif engine is not None:
            _check_trust(engine, trust=trust)
            home = TemporaryFolder()
            self._adopt(adopted(engine, into=home.path, input_names=input_names, output_names=output_names), home=home)

    @classmethod
    def of(cls, engine: Engine, *, home: TemporaryFolder | None, report: ConversionReport | None) -> Self:
        """The module of an engine that was just built; `home` is the folder that shall be kept with it."""
        module = cls()
        module.report = report
        module._adopt(engine, home=home)
        return module

    @property
    def engine(self) -> Engine:
        """What runs.

        Raises:
            EngineError: The module is empty.
        """
        if self._engine is None:
            raise EngineError(
                "this TRTModule is empty. Give it an engine, TRTModule(folder), or a state: "
                "load_state_dict(torch.load(path))."
            )
        return self._engine

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs, in the order in which they are taken."""
        return [spec.name for spec in self.engine.boundary.inputs]

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs, in the order in which they are given."""
        return [spec.name for spec in self.engine.boundary.outputs]

    def forward(self, *args: object, **kwargs: object) -> Any:  # noqa: ANN401 - a nest as the module gave it
        """What the module would give for these arguments, in its own nest.

        Raises:
            EngineError: The module is empty.
            BackendNotAvailableError: The engine was built for a GPU that is not here.
            InputMismatchError: The call is not one that was exported.
        """
        if self._running is None:
            raise BackendNotAvailableError(
                f"the engine in {self.engine.folder} cannot run here: {_why_not_run(self.engine)} Load it on a GPU "
                "that it was built for."
            )
        return self._running(*args, **kwargs)

    def close(self) -> None:
        """Give back what the engine holds; safe to call again."""
        if self._running is not None:
            self._running.close()

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002, FBT001, FBT002 - torch's own signature
        """Itself, in evaluation mode: an engine has no other."""
        return super().train(mode=False)

    def extra_repr(self) -> str:
        """What runs, and what goes in and out."""
        return "empty" if self._engine is None else self._running.extra_repr() if self._running else str(self._engine)

    def __deepcopy__(self, memo: dict[int, object]) -> TRTModule:
        copy = TRTModule()
        copy.report, copy._engine, copy._home = self.report, self._engine, self._home
        copy._set_running(deepcopy(self._running, memo))
        return copy

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise SessionError(
            "a TRTModule cannot be pickled: it is an open session, not data. Save its state, "
            "torch.save(model_trt.state_dict(), path), and load that into a TRTModule()."
        )

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:  # noqa: ARG002, FBT001 - torch's own
        if self._engine is not None:
            destination |= {f"{prefix}{key}": each for key, each in state_of(self._engine).items()}

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *_others: object) -> None:
        """Take the engine of a state, checked before anything of it is opened."""
        own = {key.removeprefix(prefix): each for key, each in state_dict.items() if key.startswith(prefix)}
        _check_manifest(own)
        home = TemporaryFolder()
        engine = unpacked(files_of(own), into=home.path)
        check_host(engine, environment=backends.find(engine.backend).environment)
        self.close()
        self._adopt(engine, home=home)

    def _take(self, running: Running) -> None:
        self._engine = running.engine
        self._set_running(running)

    def _adopt(self, engine: Engine, *, home: TemporaryFolder | None) -> None:
        self._engine, self._home = engine, home
        runs = _why_not_run(engine) is None
        self._set_running(Running(engine, open=backends.find(engine.backend).open) if runs else None)

    def _set_running(self, running: Running | None) -> None:
        # Not as a child: its state is the engine's folder, which is this module's own state.
        object.__setattr__(self, "_running", running)


def _single(loaded: nn.Module) -> Running:
    if isinstance(loaded, Running):
        return loaded
    raise EngineError(
        "the folder holds the engines of several parts of a module. Give the folder of one of them, or open all with "
        "lightning_trt.load(folder)."
    )


def _check_manifest(state: Mapping[str, object]) -> None:
    if MANIFEST not in state:
        raise ManifestError(
            f"the state holds no manifest of an engine; its keys are {', '.join(sorted(state)[:4]) or 'none'}. Save it "
            "with `torch.save(model_trt.state_dict(), path)`. A state of torch2trt's own has none: convert the module "
            "again, or open its engine with TRTModule(path, trust=True)."
        )


def _check_trust(engine: object, *, trust: bool) -> None:
    if not trust:
        raise EngineError(
            f"{engine} is no folder with a manifest, so that nothing of it can be checked, and an engine is a program. "
            "Pass trust=True if you made it yourself, or the folder that torch2trt(..., dirpath=...) wrote."
        )


def _why_not_run(engine: Engine) -> str | None:
    """A sentence why the engine's backend builds here and cannot run; None where it can."""
    backend = backends.find(engine.backend)
    return backend.why_not_run() if isinstance(backend, Builder) else None
