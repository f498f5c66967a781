"""From what was typed to what Hydra can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from lightning_trt.cli.export import told

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "name",
    [
        "best.ckpt",
        "epoch=3-step=40.ckpt",
        "val/acc=0.9.ckpt",
        "a, b [c] {d} (e): f.ckpt",
        "it's 'quoted'.ckpt",
        "back\\slash\\'.ckpt",
        "${oc.env:HOME}.ckpt",
        "precision=int8.ckpt",
    ],
)
def test_any_name_of_a_checkpoint_arrives(name: str) -> None:
    """Hydra's own parser gives back what was typed; an interpolation is none."""
    (word,) = told([f"memory://{name}"])

    value = OverridesParser.create().parse_override(word).value()
    assert str(value).replace("\\${", "${") == f"memory://{name}"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["CK", "precision=int8"], id="first"),
        pytest.param(["-m", "CK", "precision=int8,fp16"], id="after a flag"),
        pytest.param(["--config-dir", "folder", "CK"], id="after an option with a value"),
        pytest.param(["precision=int8", "CK"], id="after an override"),
        pytest.param(["~gate", "+a.b=1", "CK", "x@y=z"], id="among overrides"),
    ],
)
def test_the_checkpoint_may_stand_anywhere(words: list[str]) -> None:
    """All other words stay what they are."""
    name = "memory://epoch=3-step=40.ckpt"

    read = told([name if word == "CK" else word for word in words])

    assert read == [f"checkpoint='{name}'" if word == "CK" else word for word in words]


def test_a_file_that_exists_is_a_checkpoint_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that looks like an override; the path becomes absolute."""
    (tmp_path / "epoch=3").touch()
    monkeypatch.chdir(tmp_path)

    assert told(["epoch=3"]) == [f"checkpoint='{tmp_path / 'epoch=3'}'"]


def test_without_a_checkpoint_nothing_is_quoted() -> None:
    """The key may be given as an override, which is Hydra's to read."""
    assert told(["-m", "checkpoint=a.ckpt,b.ckpt"]) == ["-m", "checkpoint=a.ckpt,b.ckpt"]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        pytest.param(["a.ckpt", "b=1", "-m", "c=1,2"], ["-m", "checkpoint=", "b=1", "c=1,2"], id="among overrides"),
        pytest.param(["a.ckpt", "b=1", "-m"], ["-m", "checkpoint=", "b=1"], id="last"),
        pytest.param(["a.ckpt", "-cd", "b=1", "b=1"], ["-cd", "b=1", "checkpoint=", "b=1"], id="alike"),
    ],
)
def test_options_may_stand_anywhere(typed: list[str], read: list[str]) -> None:
    """Hydra's parser knows an override no more behind an option that follows one: it gets the options first."""
    words = told([f"memory://{word}" if word == "a.ckpt" else word for word in typed])

    assert words == [f"{word}'memory://a.ckpt'" if word == "checkpoint=" else word for word in read]
