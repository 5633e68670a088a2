"""Acceptance tests of a package before its release.

They check that the package scores any input, that every serving path returns the same scores, and that latency, memory
and size are within budget. They also check group fairness on recent labelled nights and the declared expectations.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.arrays import Booleans, Floats, Strings
from ml.governance.checks import Check, CheckStatus
from ml.scoring.encoder import Encoder
from ml.statistics.intervals import ScoredRows
from ml.training.fitting import Model
from ml.usecase import Directional, Expectation, Fairness, Invariant, Megabytes, Milliseconds

if TYPE_CHECKING:
    import pandas as pd

    from ml.targets import Target

EXTREME_VALUES = (1e308, -1e308, math.inf, -math.inf, math.nan)
_UNSEEN_LEVEL = "a level that no training has seen"
_TOLERANCE = 1e-9
_MAX_NAMED = 3

Row = dict[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingProbe:
    """Measurements from a process that served the package.

    `single_row_scores` and `batch_scores` are the scores of the same rows, one at a time and as one frame.
    `adversarial_scores` has the score of each adversarial row by its name.
    """

    single_row_scores: Sequence[float]
    batch_scores: Sequence[float]
    adversarial_scores: Mapping[str, float]
    p50_ms: float
    p99_ms: float
    memory_mb: float


def adversarial_rows(encoder: Encoder, row: Mapping[str, object]) -> dict[str, Row]:
    """Return adversarial variants of `row` by name: missing values, unseen levels, extreme and non-finite numbers.

    >>> rows = adversarial_rows(Encoder(levels={"zone": ("east",), "miles": None}), {"zone": "east", "miles": 3.0})
    >>> list(rows)[:3]
    ['all missing', 'all levels unseen', 'all numbers 1e+308']
    >>> rows["miles inf"]
    {'zone': 'east', 'miles': inf}
    """
    names = encoder.names
    numeric_names = [name for name in names if encoder.levels[name] is None and name not in encoder.texts]
    text_names = [name for name in names if name not in numeric_names]
    base_row = {name: row[name] for name in names}
    rows: dict[str, Row] = {"all missing": {name: math.nan if name in numeric_names else None for name in names}}
    if text_names:
        rows["all levels unseen"] = base_row | dict.fromkeys(text_names, _UNSEEN_LEVEL)
    for value in EXTREME_VALUES:
        rows[f"all numbers {value:g}"] = base_row | dict.fromkeys(numeric_names, value)
        rows |= {f"{name} {value:g}": base_row | {name: value} for name in numeric_names}
    return rows


def predict_rows(model: Model, rows: Mapping[str, Row]) -> dict[str, float]:
    """Return the score of each row; NaN if scoring the row alone and in a frame gives different scores."""
    import pandas as pd

    single_scores = {name: model.predict_row(row) for name, row in rows.items()}
    batch_scores = model.predict(pd.DataFrame(list(rows.values()), columns=list(model.encoder.names)))
    return {
        name: single_score if abs(single_score - batch_score) <= _TOLERANCE else math.nan
        for (name, single_score), batch_score in zip(single_scores.items(), batch_scores.tolist(), strict=True)
    }


def stability_check(scores: Mapping[str, float], target: "Target | type[Target]") -> Check:
    """Return the check that every adversarial row has a valid score (`Target.is_valid_score`)."""
    invalid = [name for name, score in scores.items() if not target.is_valid_score(score)]
    examples = f": {', '.join(invalid[:_MAX_NAMED])}" if invalid else ""
    bar = f"0 of {len(scores)} without {target.describe_valid_scores()}, alone and in a frame"
    return Check(
        name=f"adversarial rows{examples}",
        value=float(len(invalid)),
        bar=bar,
        status=CheckStatus.from_bool(bool(scores) and not invalid),
    )


def agreement_checks(scores_by_path: Mapping[str, Sequence[float] | Floats], reference_path: str) -> tuple[Check, ...]:
    """Return a check for each other serving path: its largest absolute difference from the scores of `reference_path`.

    Paths with another number of scores than the reference, or with no scores, fail.

    >>> (check,) = agreement_checks({"batch": [0.25, 0.5], "REST": [0.25, 0.75]}, "batch")
    >>> check.name, check.value, check.bar, str(check.status)
    ('answers of REST', 0.25, 'within 1e-09 of batch, on 2 rows', 'fail')
    """
    reference = np.asarray(scores_by_path[reference_path], np.float64)
    return tuple(
        _agreement_check(name, np.asarray(scores), reference, reference_path)
        for name, scores in scores_by_path.items()
        if name != reference_path
    )


def budget_checks(probe: ServingProbe, package_bytes: int, latency: Milliseconds, size: Megabytes) -> tuple[Check, ...]:
    """Return the checks that single-row p99 latency, memory and package size are within their budgets."""
    return (
        _max_check(
            f"p99 latency of one answer, ms (p50 {probe.p50_ms:.3f})", probe.p99_ms, latency.p99, "latency_budget.p99"
        ),
        _max_check("memory of the answering process, MB", probe.memory_mb, size.memory, "size_budget.memory"),
        _max_check("size of the package, MB", package_bytes / 1e6, size.package, "size_budget.package"),
    )


def http_latency_check(p50_ms: float, p99_ms: float, latency: Milliseconds) -> Check:
    """Return the check that p99 latency over HTTP, from a client's request to its response, is within its budget.

    >>> check = http_latency_check(p50_ms=2.0, p99_ms=9.5, latency=Milliseconds(p99=10.0))
    >>> check.name, check.bar, str(check.status)
    ('p99 latency over HTTP, ms (p50 2.000)', 'at most 10', 'pass')
    """
    return _max_check(f"p99 latency over HTTP, ms (p50 {p50_ms:.3f})", p99_ms, latency.p99, "latency_budget.p99")


def fairness_checks(
    rows: ScoredRows,
    levels: Mapping[str, Strings],
    included: Booleans,
    declared: Fairness,
    target: "Target",
    confidence: float,
) -> tuple[Check, ...]:
    """Return the declared fairness checks on labelled `rows` of recent nights, after a check that there are any.

    `levels` (the group of each row as text, by column) and the mask `included` are over `rows`. Only included rows are
    compared.
    """
    labelled_rows = int(included.sum())
    count_check = Check(
        name="labelled rows of recent nights",
        value=float(labelled_rows),
        bar="1 or more",
        status=CheckStatus.from_bool(labelled_rows > 0),
    )
    if not labelled_rows:
        return (count_check,)
    group_metrics = target.measure_groups(rows, levels, included, declared, confidence)
    return (count_check, *target.group_checks(group_metrics, declared))


def expectation_checks(model: Model, rows: "pd.DataFrame", expected: Iterable[Expectation]) -> tuple[Check, ...]:
    """Return a check for each expectation: the share of `rows` that violates it.

    The check fails with value None if there are no rows, or if the model cannot represent a value of the expectation.
    """
    return tuple(_expectation_check(model, rows, expectation) for expectation in expected)


def _expectation_check(model: Model, rows: "pd.DataFrame", expectation: Expectation) -> Check:
    match expectation:
        case Invariant():
            rule_text = f"{expectation.feature} moves the answer by more than {expectation.tolerance:g}"
        case Directional():
            rule_text = f"the answer falls by more than {expectation.tolerance:g}"
    bar = f"{rule_text} in at most {expectation.allowed_share:.0%} of rows"
    if rows.empty or not all(
        _is_known_value(model.encoder, *assignment) for setting in expectation.variants for assignment in setting
    ):
        return Check(name=expectation.name, value=None, bar=bar, status=CheckStatus.FAIL, setting="expectations")
    scores = np.array([model.predict(rows.assign(**dict(setting))) for setting in expectation.variants])
    if isinstance(expectation, Invariant):
        violations = np.ptp(scores, axis=0) > expectation.tolerance
    else:
        violations = scores[1] < scores[0] - expectation.tolerance
    violation_share = float(np.mean(violations | ~np.isfinite(scores).all(axis=0)))
    return Check(
        name=expectation.name,
        value=violation_share,
        bar=bar,
        status=CheckStatus.from_bool(violation_share <= expectation.allowed_share),
        setting="expectations",
    )


def _is_known_value(encoder: Encoder, name: str, value: object) -> bool:
    """Return whether the model can represent `value`; an unseen level is encoded as missing and would test nothing."""
    if name not in encoder.names:
        return False
    levels = encoder.levels[name]
    return isinstance(value, float) if levels is None else value in levels


def _agreement_check(name: str, scores: Floats, reference: Floats, reference_path: str) -> Check:
    is_comparable = len(scores) == len(reference) > 0
    max_difference = float(np.abs(scores - reference).max()) if is_comparable else math.nan
    value = max_difference if math.isfinite(max_difference) else None
    bar = f"within {_TOLERANCE:g} of {reference_path}, on {len(reference)} rows"
    return Check(
        name=f"answers of {name}", value=value, bar=bar, status=CheckStatus.from_bool(max_difference <= _TOLERANCE)
    )


def _max_check(name: str, value: float, maximum: float, setting: str) -> Check:
    status = CheckStatus.from_bool(value <= maximum)
    return Check(name=name, value=value, bar=f"at most {maximum:g}", status=status, setting=setting)
