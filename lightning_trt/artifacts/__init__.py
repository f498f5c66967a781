"""What travels from station to station: frozen data, no behaviour beyond what can be derived from it.

Opens without torch, Lightning and onnx. Arrays are numpy's; paths are absolute until a report is written.
"""

from __future__ import annotations

from lightning_trt.artifacts.baseline import Baseline, BaselineEntry, Change
from lightning_trt.artifacts.boundary import BATCH, Boundary, OnnxGraph, Structure, TensorSpec
from lightning_trt.artifacts.calibration import Range, Ranges, Statistics, TensorStatistics
from lightning_trt.artifacts.engine import Candidate, Engine, Latency
from lightning_trt.artifacts.report import (
    Attribution,
    CandidateReport,
    CheckpointReport,
    DataReport,
    EnvironmentReport,
    GateReport,
    Level,
    MetricReport,
    ReferenceReport,
    Report,
    Rule,
    RuleResult,
    Verdict,
)
from lightning_trt.artifacts.scores import (
    BatchMeans,
    Bootstrap,
    ClassFlips,
    Evidence,
    FlippedItem,
    Flips,
    MetricScores,
    PairedBinary,
    Scores,
)

__all__ = [
    "BATCH",
    "Attribution",
    "Baseline",
    "BaselineEntry",
    "BatchMeans",
    "Bootstrap",
    "Boundary",
    "Candidate",
    "CandidateReport",
    "Change",
    "CheckpointReport",
    "ClassFlips",
    "DataReport",
    "Engine",
    "EnvironmentReport",
    "Evidence",
    "FlippedItem",
    "Flips",
    "GateReport",
    "Latency",
    "Level",
    "MetricReport",
    "MetricScores",
    "OnnxGraph",
    "PairedBinary",
    "Range",
    "Ranges",
    "ReferenceReport",
    "Report",
    "Rule",
    "RuleResult",
    "Scores",
    "Statistics",
    "Structure",
    "TensorSpec",
    "TensorStatistics",
    "Verdict",
]
