"""The declaration of a use case: frozen dataclasses for data, features, models, gates and release.

A declaration says what a use case is, never where its data are. This package imports only the standard library, because
every DAG file loads use cases when Airflow parses it. Schemas and functions are referred to by name; `include.usecases`
resolves them.
"""

from ml.usecase.adoption import Adoption
from ml.usecase.csv_format import CsvFormat
from ml.usecase.data import Delay, Personal, Reference, Table
from ml.usecase.expectations import Directional, Expectation, Invariant
from ml.usecase.features import AsOf, Column, Feature, Function, Lookup, Ratio, Since, Text, Window
from ml.usecase.gates import (
    Cost,
    DeterministicLevels,
    EdgeCase,
    Excluded,
    Fairness,
    Gates,
    Megabytes,
    Milliseconds,
    PinballCost,
    Refit,
    Slice,
)
from ml.usecase.live_horizon import Live
from ml.usecase.models import (
    Baseline,
    Binary,
    Candidate,
    GradientBoosting,
    LinearQuantile,
    Logistic,
    NeuralNet,
    Prior,
    Recency,
    RecentMean,
    RecentRate,
    Regression,
    Task,
    Tuning,
)
from ml.usecase.operations import (
    Arrival,
    Canary,
    CatchUp,
    Demo,
    Experiment,
    Explanations,
    Permission,
    PublicationGate,
    Release,
    Roles,
)
from ml.usecase.retention import Retention
from ml.usecase.schedule import Night
from ml.usecase.triggers import BlackoutPeriod, Budget, Drift, Persistence, RetrainingPrice, Triggers
from ml.usecase.use_case import UseCase

__all__ = [
    "Adoption",
    "Arrival",
    "AsOf",
    "Baseline",
    "Binary",
    "BlackoutPeriod",
    "Budget",
    "Canary",
    "Candidate",
    "CatchUp",
    "Column",
    "Cost",
    "CsvFormat",
    "Delay",
    "Demo",
    "DeterministicLevels",
    "Directional",
    "Drift",
    "EdgeCase",
    "Excluded",
    "Expectation",
    "Experiment",
    "Explanations",
    "Fairness",
    "Feature",
    "Function",
    "Gates",
    "GradientBoosting",
    "Invariant",
    "LinearQuantile",
    "Live",
    "Logistic",
    "Lookup",
    "Megabytes",
    "Milliseconds",
    "NeuralNet",
    "Night",
    "Permission",
    "Persistence",
    "Personal",
    "PinballCost",
    "Prior",
    "PublicationGate",
    "Ratio",
    "Recency",
    "RecentMean",
    "RecentRate",
    "Reference",
    "Refit",
    "Regression",
    "Release",
    "Retention",
    "RetrainingPrice",
    "Roles",
    "Since",
    "Slice",
    "Table",
    "Task",
    "Text",
    "Triggers",
    "Tuning",
    "UseCase",
    "Window",
]
