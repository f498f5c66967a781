"""From what a user typed to a rule that can be applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from lightning_trt.artifacts import Level, Rule
from lightning_trt.errors import SettingsError
from lightning_trt.settings.reading import finite, member, settings_of

__all__ = ["rule_of", "rules_of"]

_LIMITS = "max_drop, max_drop_relative, min, max, min_speedup, max_latency_ms"


def rules_of(given: Iterable[Rule | Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Each of `given` as a rule.

    Raises:
        SettingsError: What `rule_of` raises, or there is no list of rules.

    Example:
        >>> from lightning_trt.settings.rules import rules_of
        >>> [rule.limits for rule in rules_of([{"max_drop": 0.01}])]
        [{'max_drop': 0.01}]
    """
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise SettingsError(f"gate.rules is {given!r}; it must be a list of rules, e.g. [{{max_drop: 0.01}}].")
    return tuple(map(rule_of, given))


def rule_of(given: Rule | Mapping[str, Any]) -> Rule:
    """`given` as a rule with exactly one limit, a finite number.

    Raises:
        SettingsError: An unknown key, no limit or several, or a value of the wrong kind.

    Example:
        >>> from lightning_trt.settings.rules import rule_of
        >>> rule = rule_of({"min_speedup": 1.5, "candidates": "int8*", "level": "warn"})
        >>> rule.limits, rule.level
        ({'min_speedup': 1.5}, <Level.warn: 'warn'>)
    """
    rule = settings_of(Rule, given)
    limits: dict[str, Any] = {name: finite(limit, name=f"{name} of a gate rule") for name, limit in rule.limits.items()}
    if len(limits) != 1:
        found = f"{len(limits)} limits ({', '.join(limits)})" if limits else "no limit"
        raise SettingsError(f"a gate rule has {found}; it must have exactly one of {_LIMITS}. Write a rule for each.")
    if rule.limits_time and rule.metric is not None:
        raise SettingsError(
            f"a gate rule limits {next(iter(limits))} and names the metric {rule.metric!r}; latency and speedup belong "
            "to no metric. Leave the metric out, or write two rules."
        )
    _check_words(rule)
    return replace(rule, level=member(Level, rule.level), **limits)


def _check_words(rule: Rule) -> None:
    # A file of settings may hold anything here.
    if not isinstance(rule.candidates, str) or not isinstance(rule.metric, str | None):
        raise SettingsError(
            f"a gate rule has candidates {rule.candidates!r} and metric {rule.metric!r}; each must be one text. "
            "Write a rule for each."
        )
    if not isinstance(rule.higher_is_better, bool | None):
        raise SettingsError(f"higher_is_better of a gate rule is {rule.higher_is_better!r}; it must be true or false.")
