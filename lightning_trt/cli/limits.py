"""Which limits the command line asks for: its own, those of a file, or those that the runs were gated with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_trt.artifacts import Rule
from lightning_trt.errors import SettingsError
from lightning_trt.settings import GateSettings, OnInconclusive, member, settings_of
from lightning_trt.storage import yaml_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from lightning_trt.artifacts import Report

__all__ = ["add_limits", "gate_settings"]

_LIMITS = {
    "max_drop": "largest drop, in the metric's own units",
    "max_drop_relative": "largest drop, as a share of the reference",
    "min": "least value of the metric",
    "max": "largest value of the metric",
    "min_speedup": "least speedup against the reference of the same run",
    "max_latency_ms": "largest median latency; a speedup is the safer limit, as machines differ",
}


def add_limits(parser: ArgumentParser) -> None:
    """Nothing; `parser` then takes limits, for `gate_settings` to read."""
    limits = parser.add_argument_group("limits (without any, those that the runs were gated with)")
    limits.add_argument("--config", type=Path, metavar="YAML", help="file with rules, alpha and on_inconclusive")
    for name, meaning in _LIMITS.items():
        limits.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="X", help=meaning)
    limits.add_argument("--metric", metavar="NAME", help="metric of the limits above; else the monitored one")
    limits.add_argument("--candidates", metavar="PATTERN", help="candidates of the limits above, e.g. 'int8*'")
    limits.add_argument("--alpha", metavar="X", help="one-sided error rate of the intervals and verdicts")
    choices = [each.value for each in OnInconclusive]
    limits.add_argument("--on-inconclusive", choices=choices, help="what an inconclusive run means")


def gate_settings(asked: Namespace, reports: Sequence[Report]) -> GateSettings:
    """The settings that `asked` means; its own limits are added to those of a file.

    Raises:
        SettingsError: A file or a limit that cannot hold, or runs that were gated with different rules.
    """
    short = _short_rules(asked)
    if asked.config is not None:
        settings = _from_file(asked.config)
        settings = replace(settings, rules=(*settings.rules, *short))
    elif short or asked.metric is not None:
        settings = GateSettings(rules=short, metric=asked.metric)
    else:
        settings = _own(reports)
    if asked.alpha is not None:
        settings = replace(settings, alpha=asked.alpha)
    if asked.on_inconclusive is not None:
        settings = replace(settings, on_inconclusive=member(OnInconclusive, asked.on_inconclusive))
    return settings


def _short_rules(asked: Namespace) -> tuple[Rule, ...]:
    limits: list[dict[str, Any]] = [{name: each} for name in _LIMITS if (each := getattr(asked, name)) is not None]
    if asked.candidates is not None and not limits:
        raise SettingsError("--candidates was given without a limit. Give one too, e.g. --max-drop 0.01.")
    pattern = asked.candidates or "*"
    rules = [Rule(candidates=pattern, **limit) for limit in limits]
    if asked.metric is not None and all(rule.limits_time for rule in rules) and (rules or asked.config is not None):
        raise SettingsError("--metric was given without a limit on a metric. Give one too, e.g. --max-drop 0.01.")
    return tuple(rule if rule.limits_time else replace(rule, metric=asked.metric) for rule in rules)


def _from_file(path: Path) -> GateSettings:
    try:
        content = yaml_of(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read {path}: {error}. Give a YAML file with rules.") from error
    if isinstance(content, Mapping) and set(content) == {"gate"}:
        content = content["gate"]
    if not content or not isinstance(content, Mapping) or not isinstance(content.get("rules", []), list):
        example = "rules: [{metric: val/acc, max_drop: 0.01}]"
        raise SettingsError(f"{path} holds no gate settings. Write e.g. `{example}`.")
    try:
        return settings_of(GateSettings, content)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error


def _own(reports: Sequence[Report]) -> GateSettings:
    """What the runs themselves were gated with; one that had no rule follows the others."""
    own = list(dict.fromkeys(_told(report) for report in reports if report.gate.rules))
    if len(own) > 1:
        raise SettingsError(
            "these runs were gated with different rules. Say which hold for all: --config gate.yaml, or --max-drop X."
        )
    return own[0] if own else GateSettings()


def _told(report: Report) -> GateSettings:
    told = report.settings.get("gate")
    on_inconclusive = told.get("on_inconclusive") if isinstance(told, Mapping) else None
    return GateSettings(
        rules=report.gate.rules,
        alpha=report.gate.alpha,
        on_inconclusive=member(OnInconclusive, on_inconclusive or OnInconclusive.warn),
    )
