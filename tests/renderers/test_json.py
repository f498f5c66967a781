"""`report.json`: schema 1 exactly, and back without loss."""

from __future__ import annotations

import dataclasses
import json
import math
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from renderers.example_report import FOLDER, example_report
from renderers.report_strategies import FOLDER as DRAWN_FOLDER
from renderers.report_strategies import reports

from lightning_trt import artifacts
from lightning_trt.errors import ReportError
from lightning_trt.precision import DType, Precision
from lightning_trt.renderers.json import from_text, to_text

if TYPE_CHECKING:
    from lightning_trt.artifacts import Report

SCHEMA: dict[str, Any] = json.loads((files("lightning_trt.renderers") / "report.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def document(report: Report | None = None) -> dict[str, Any]:
    """The example, or `report`, as parsed JSON."""
    parsed: dict[str, Any] = json.loads(to_text(report or example_report()))
    return parsed


def read(changed: object) -> Report:
    """The report that the JSON of `changed` holds."""
    return from_text(json.dumps(changed), FOLDER / "report.json")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(report=reports())
def test_every_report_comes_back_as_it_was_and_fits_the_schema(report: Report) -> None:
    """Written and read again nothing is lost, NaN and infinities included; the text validates."""
    text = to_text(report)

    again = from_text(text, DRAWN_FOLDER / "report.json")

    VALIDATOR.validate(json.loads(text))
    assert repr(again) == repr(report)


def test_the_example_comes_back_equal() -> None:
    """A realistic report, compared field by field."""
    assert from_text(to_text(example_report()), FOLDER / "report.json") == example_report()


def test_the_schema_is_a_schema() -> None:
    """It is valid JSON Schema 2020-12."""
    VALIDATOR.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("record", "place", "also"),
    [
        (artifacts.CandidateReport, SCHEMA["$defs"]["candidate"], set()),
        (artifacts.MetricReport, SCHEMA["$defs"]["metric"], set()),
        (artifacts.Attribution, SCHEMA["$defs"]["attribution"], set()),
        (artifacts.Flips, SCHEMA["$defs"]["flips"], set()),
        (artifacts.FlippedItem, SCHEMA["$defs"]["flipped_item"], set()),
        (artifacts.ClassFlips, SCHEMA["$defs"]["class_flips"], set()),
        (artifacts.Latency, SCHEMA["$defs"]["latency"], set()),
        (artifacts.PairedBinary, SCHEMA["$defs"]["paired_binary"], {"kind"}),
        (artifacts.Bootstrap, SCHEMA["$defs"]["bootstrap"], {"kind"}),
        (artifacts.BatchMeans, SCHEMA["$defs"]["batch_means"], {"kind"}),
        (artifacts.Rule, SCHEMA["$defs"]["rule"], set()),
        (artifacts.RuleResult, SCHEMA["$defs"]["result"], set()),
        (artifacts.CheckpointReport, SCHEMA["properties"]["checkpoint"], set()),
        (artifacts.EnvironmentReport, SCHEMA["properties"]["environment"], set()),
        (artifacts.DataReport, SCHEMA["properties"]["data"], set()),
        (artifacts.ReferenceReport, SCHEMA["properties"]["reference"], set()),
        (artifacts.GateReport, SCHEMA["properties"]["gate"], set()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_schema_names_every_field(record: type, place: dict[str, Any], also: set[str]) -> None:
    """A field that an artefact gains must be written down in the schema."""
    fields = {each.name for each in dataclasses.fields(record)}

    assert set(place["properties"]) == fields | also


def test_the_closed_words_of_the_schema_are_ours() -> None:
    """Verdicts and precisions in the schema are those of the code."""
    verdicts = SCHEMA["$defs"]["verdict"]["enum"]
    precisions = SCHEMA["$defs"]["candidate"]["properties"]["precision"]["enum"]

    assert (verdicts, precisions) == ([each.value for each in artifacts.Verdict], [each.value for each in Precision])


def test_paths_are_relative_to_the_report() -> None:
    """Moved with its folder, a report still finds its engines and its checkpoint."""
    text = to_text(example_report(Path("/old/trt/best-1f0c7a3e")))

    moved = from_text(text, "/new/trt/best-1f0c7a3e/report.json")

    assert "/old" not in text
    assert moved.candidates["fp16"].path == Path("/new/trt/best-1f0c7a3e/fp16")
    assert moved.checkpoint.path == "/new/checkpoints/best.ckpt"


def test_a_number_that_json_cannot_hold_is_null_with_its_spelling() -> None:
    """The value is null, and `not_finite` says by pointer what it was; a slash in a name is escaped."""
    report = example_report()
    broken = dataclasses.replace(report.candidates["fp16"].metrics["val/acc"], value=math.nan, drop=-math.inf)
    fp16 = dataclasses.replace(report.candidates["fp16"], metrics={"val/acc": broken})

    written = document(dataclasses.replace(report, candidates={"fp16": fp16}, chosen=None))

    metric = written["candidates"][0]["metrics"]["val/acc"]
    assert (metric["value"], metric["drop"]) == (None, None)
    assert written["not_finite"] == {
        "/candidates/0/metrics/val~1acc/value": "NaN",
        "/candidates/0/metrics/val~1acc/drop": "-Infinity",
    }


def test_a_null_without_spelling_is_nan() -> None:
    """A report of another writer may leave `not_finite` out."""
    changed = document()
    changed["reference"]["metrics"]["val/acc"] = None

    assert math.isnan(read(changed).reference.metrics["val/acc"])


def test_numbers_of_numpy_are_written_as_numbers() -> None:
    """float32 and int64 scalars are no strings and no errors."""
    report = example_report()
    reference = dataclasses.replace(report.reference, metrics={"val/acc": np.float32(0.5), "n": np.int64(3)})

    written = document(dataclasses.replace(report, reference=reference))

    assert written["reference"]["metrics"] == {"val/acc": 0.5, "n": 3}


def test_settings_may_hold_enums_paths_and_tuples() -> None:
    """What the run was told is written in JSON's own types."""
    told = {"precisions": (Precision.fp16,), "dirpath": Path("engines"), "calibration": {"samples": 512}}

    written = document(dataclasses.replace(example_report(), settings=told))

    assert written["settings"] == {"precisions": ["fp16"], "dirpath": "engines", "calibration": {"samples": 512}}


def test_optional_fields_may_be_missing_and_unknown_ones_are_ignored() -> None:
    """Schema 1 may grow, and what it grew by is optional."""
    changed = document()
    for key in ("notes", "settings"):
        del changed[key]
    changed["candidates"][0]["carbon_grams"] = 3
    del changed["candidates"][0]["metrics"]["val/acc"]["in_unit_interval"]

    report = read(changed)

    assert (report.notes, dict(report.settings)) == ((), {})
    assert not report.candidates["fp32"].metrics["val/acc"].in_unit_interval


def test_layers_of_an_unknown_type_count_as_other() -> None:
    """A data type of a later version is not lost and not an error."""
    changed = document()
    changed["candidates"][0]["layers"] = {"fp4": 3, "other": 2, "fp32": 1}

    assert read(changed).candidates["fp32"].layers == {DType.other: 5, DType.fp32: 1}


def test_long_lists_of_numbers_stay_on_one_line() -> None:
    """A bootstrap of a thousand resamples does not make a file of a thousand lines."""
    report = example_report()
    evidence = artifacts.Bootstrap(
        unit="item", n=9, changed=9, reference=tuple(map(float, range(1000))), candidate=tuple(map(float, range(1000)))
    )
    metric = dataclasses.replace(report.candidates["fp16"].metrics["val/acc"], evidence=evidence)
    fp16 = dataclasses.replace(report.candidates["fp16"], metrics={"val/acc": metric})

    text = to_text(dataclasses.replace(report, candidates={"fp16": fp16}, chosen=None))

    assert len(text.splitlines()) < 300


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (
            ["schema"],
            2,
            r"has schema 2; this version of lightning-trt reads schema 1.*version that wrote it \(0\.1\.0\)",
        ),
        (["schema"], True, "has schema True"),
        (["candidates"], {}, "candidates is {}; a list was expected"),
        (["candidates", 1, "name"], 7, r"candidates\[1\]\.name is 7; a string was expected"),
        (["candidates", 1, "name"], "fp32", "candidates with different names was expected"),
        (["candidates", 1, "precision"], "int9", "'int9'; a precision was expected. Did you mean 'int8'"),
        (["candidates", 1, "verdict"], "passed", "a verdict was expected. Did you mean 'pass'"),
        (["candidates", 1, "bytes"], -1, "a whole number, 0 or above was expected"),
        (["candidates", 1, "bytes"], 1.5, "a whole number, 0 or above was expected"),
        (["candidates", 1, "metrics", "val/acc", "drop"], "0.1", r"metrics\['val/acc'\]\.drop is '0.1'; a number"),
        (["candidates", 1, "metrics", "val/acc", "drop"], True, "is True; a number was expected"),
        (["candidates", 1, "metrics", "val/acc", "trusted"], 1, "is 1; true or false was expected"),
        (["candidates", 1, "metrics", "val/acc", "evidence"], {"kind": "guess"}, "is 'guess'; \"paired-binary\""),
        (["candidates", 1, "metrics", "val/acc", "flips"], {"p_value": 1}, "has no .*worse_items"),
        (["attribution"], [{"before": "fp32", "after": 3}], r"attribution\[0\]\.after is 3; a string"),
        (["gate", "results", 0, "samples_needed"], [1], "a list of two"),
        (["chosen"], "int4", "chosen is 'int4'; the name of a candidate, or null"),
        (["not_finite"], {"/nowhere": "NaN"}, "/nowhere.*a pointer to a number of this report"),
        (["not_finite"], {"/candidates/99": "NaN"}, "a pointer to a number of this report"),
        (["not_finite"], {"/verdict": "NaN"}, "a pointer to null was expected"),
        (["not_finite"], {"": "NaN"}, "a pointer to"),
        (["not_finite"], {"/chosen": "zero"}, '"NaN", "Infinity" or "-Infinity" was expected'),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(path: list[Any], value: object, sentence: str) -> None:
    """The sentence says where, what stands there, and what should."""
    changed = document()
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    with pytest.raises(ReportError, match=sentence):
        read(changed)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (to_text(example_report())[:900], "not readable as JSON.*cut off or edited; export again"),
        ("", "not readable as JSON"),
        ('{"schema": 1, "verdict": NaN}', "NaN is not JSON"),
        ("[" * 100_000, "not readable as JSON"),
        ("[]", r"the document is \[\]; an object was expected"),
        ("{}", "has no 'schema'"),
        ('{"schema": 1}', "has no 'candidates'. Schema 1 asks for it"),
    ],
    ids=["truncated", "empty", "NaN", "deep", "a list", "an empty object", "fields missing"],
)
def test_what_is_no_report_is_a_sentence(text: str, sentence: str) -> None:
    """Never a KeyError, never a traceback of the JSON reader alone."""
    with pytest.raises(ReportError, match=sentence):
        from_text(text, FOLDER / "report.json")


@pytest.mark.parametrize("key", [key for key in SCHEMA["required"] if key != "schema"])
def test_every_required_field_is_asked_for(key: str) -> None:
    """What the schema requires, the reader requires."""
    changed = document()
    del changed[key]

    with pytest.raises(ReportError, match=f"has no '{key}'"):
        read(changed)


def test_the_page_about_the_report_explains_every_field() -> None:
    """Each field of candidates, metrics and latencies stands on `docs/report.md`."""
    page = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    explained_as_a_whole = {"precision", "calibrator", "backend", "metrics", "latency", "verdict"}
    fields = {
        name for record in ("candidate", "metric", "latency") for name in SCHEMA["$defs"][record]["properties"]
    } - explained_as_a_whole

    missing = {name for name in fields if f"`{name}`" not in page}

    assert missing == set()
