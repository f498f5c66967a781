"""The page about the gate says what holds."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import yaml

from lightning_trt.artifacts import Rule
from lightning_trt.cli.exits import Exit
from lightning_trt.settings import GateSettings, settings_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")


def test_its_rules_can_be_copied() -> None:
    """The YAML is a gate's, with a rule on each line."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

    assert len(settings_of(GateSettings, yaml.safe_load(block)).all_rules) == 4


def test_rules_of_the_example_can_be_copied() -> None:
    """Those of `examples/ci` too."""
    text = (ROOT / "examples" / "ci" / "gate.yaml").read_text(encoding="utf-8")

    assert len(settings_of(GateSettings, yaml.safe_load(text)).all_rules) == 3


def test_workflow_of_the_example_is_yaml() -> None:
    """With a job that exports and one that judges."""
    workflow = yaml.safe_load((ROOT / "examples" / "ci" / "workflow.yml").read_text(encoding="utf-8"))

    assert set(workflow["jobs"]) == {"export", "gate"}


def test_every_key_and_exit_code_is_explained() -> None:
    """A rule's field, or a code, that is new must be written down."""
    assert [each.name for each in fields(Rule) if f"`{each.name}`" not in PAGE] == []
    assert [code.name for code in Exit if f"| {code.value} |" not in PAGE] == []
