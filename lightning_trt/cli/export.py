"""`lightning-trt export`: a Hydra application over a finished checkpoint."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_trt.cli.exits import Exit
from lightning_trt.errors import SettingsError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Sequence

__all__ = ["add_to", "is_checkpoint", "quoted", "run", "told"]

_OVERRIDE = re.compile(r"[+~]{0,2}[\w./@-]+=")


def add_to(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Nothing; `commands` then has this one, whose words are Hydra's to read."""
    # No word begins with this character: options, too, are left as they are.
    parser = commands.add_parser("export", help="export a finished checkpoint", add_help=False, prefix_chars="\0")
    parser.add_argument("words", nargs="*")
    parser.set_defaults(run=run)


def run(asked: Namespace) -> Exit:
    """0, 1 the gate failed, 2 usage, 3 a build or an evaluation failed, 4 the environment lacks something."""
    # Hydra is slow to import, and no other command needs it.
    from lightning_trt.cli import export_app  # noqa: PLC0415 - see above
    from lightning_trt.cli.export_words import advice  # noqa: PLC0415 - see above

    if not asked.words:
        raise SettingsError("no checkpoint was given. Write `lightning-trt export CHECKPOINT`, or --help for more.")
    words = told(asked.words)
    code = export_app.run(words)
    if code is Exit.usage:
        # Hydra says that a key is none, and not which one may have been meant.
        sys.stderr.writelines(f"{line}\n" for line in advice(words))
    return code


def told(words: Sequence[str]) -> list[str]:
    """`words` as Hydra reads them: its options first, and the checkpoint as the value of its key, quoted.

    Lightning's own `epoch=3-step=40.ckpt` is no word of Hydra's grammar, and an override behind an option that follows
    one is lost on its parser. The checkpoint is the first word that is no option, no value of one and no override; a
    word that ends in `.ckpt` and is no `checkpoint=...` is never taken for an override.

    Example:
        >>> from lightning_trt.cli.export import told
        >>> told(["s3://runs/epoch=3-step=40.ckpt", "precision=int8", "-m", "calibrator=mse,entropy"])
        ['-m', "checkpoint='s3://runs/epoch=3-step=40.ckpt'", 'precision=int8', 'calibrator=mse,entropy']
    """
    # Hydra's own parser knows which options have a value.
    from hydra._internal.utils import get_args_parser  # noqa: PLC0415 - as above

    typed = [_Word(word) for word in words]
    overrides: list[str] = get_args_parser().parse_known_intermixed_args(typed)[0].overrides
    options = [str(word) for word in typed if not any(word is each for each in overrides)]
    checkpoint = next((word for word in overrides if is_checkpoint(word)), None)
    return [*options, *(_spelt(word) if word is checkpoint else str(word) for word in overrides)]


class _Word(str):
    """A word that is itself alone: the value of an option may be spelt like an override."""

    __slots__ = ()


def _spelt(checkpoint: str) -> str:
    return f"checkpoint={quoted(_absolute(checkpoint))}"


def is_checkpoint(word: str) -> bool:
    """Whether `word`, no option of Hydra's, is meant as the checkpoint."""
    if word.startswith(("checkpoint=", "~")):
        return False
    return word.endswith(".ckpt") or Path(word).exists() or not _OVERRIDE.match(word)


def _absolute(path: str) -> str:
    # A job may run in another folder.
    return path if "://" in path else str(Path(path).absolute())


def quoted(text: str) -> str:
    """`text` as one value for Hydra, whatever is in it."""
    kept = re.sub(r"(\\*)'", lambda match: match[1] * 2 + r"\'", text).replace("${", r"\${")
    return f"'{kept}'"
