"""The publication gate's false alarms on real nights in order, and its detection rates on nights with injected faults.

The scores of each month come from a model trained on all earlier months, like those of a champion that is replaced
every month (every year, if nights are months). Profiles, thresholds and the gate are production's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench import workspace

PERIODS = {"flights": ("2013-01-01..2013-12-31", 7), "employment": ("2015-01-01..2018-12-01", 4)}
UNITS = {"miles for kilometres": 1.609, "thousands": 1000.0}
EVERY = 10  # faults of single features are injected into every tenth daily night, and into every monthly night


def run() -> dict[str, Any]:
    """Return, for each use case and fault, how many nights there were and how many of them would be withheld."""
    measured = {}
    for use_case, (period, digits) in PERIODS.items():
        with workspace.temporary():
            measured[use_case] = _measure(use_case, period, digits)
    _show(measured)
    return measured


def _measure(use_case: str, period: str, digits: int) -> dict[str, Any]:
    from include.steps.features import build
    from ml.monitoring import publication_gate

    case, settings = workspace.ingest(use_case, period)
    rows = build.read(settings.lake, case).sort_values("night", ignore_index=True)
    spans = rows["night"].str[:digits]
    models = _models(case, settings, period, digits, sorted(spans.unique())[1:])
    oldest = next(iter(models.values()))
    rows = rows[spans.isin(list(models))]
    scores = [models[span].predict(part) for span, part in rows.groupby(spans)]
    rows = rows.assign(score=np.concatenate(scores))
    nights = {str(night): part for night, part in rows.groupby("night")}
    profiles = {night: _profiles(case, part) for night, part in nights.items()}
    order = sorted(nights)
    withheld: dict[str, list[bool]] = {}
    reasons: list[str] = []
    for number, night in enumerate(order):
        before = [profiles[each] for each in order[max(0, number - case.publication.reference_nights) : number]]
        if len(before) < case.publication.min_reference_nights:
            continue
        whole, model = nights[night], models[night[:digits]]
        reference = publication_gate.build_reference(before, case.publication)
        verdict = _evaluate(case, whole, len(whole), reference)
        withheld.setdefault("none", []).append(not verdict.is_publishable)
        reasons += [] if verdict.is_publishable else [f"{night}: {verdict.reason}"]
        withheld.setdefault("half of the entities never came", []).append(
            not _evaluate(case, whole[::2], len(whole[::2]), reference).is_publishable
        )
        for fault, faulty in _faults(case, whole, oldest):
            withheld.setdefault(fault, []).append(not _evaluate(case, faulty, len(whole), reference).is_publishable)
        if digits == 4 or number % EVERY == 0:
            for unit, each in _units(case, whole, model):
                withheld.setdefault(unit, []).append(not _evaluate(case, each, len(whole), reference).is_publishable)
    return {
        "nights": len(withheld["none"]),
        "withheld": {name: {"of": len(each), "withheld": sum(each)} for name, each in withheld.items()},
        "false_alarms": reasons,
    }


def _models(case: Any, settings: Any, period: str, digits: int, spans: Sequence[str]) -> dict[str, Any]:
    """Return, for each span, the model trained on all earlier spans."""
    from ml.training import fitting

    rows = workspace.training_rows(case, settings, period)
    row_spans = np.array([night[:digits] for night in rows.nights], object)
    candidate, models = case.candidates[1], {}
    for span in spans:
        material = workspace.training_material(case, rows.select(row_spans < span), settings, 1)
        models[span] = fitting.fit(candidate, material).model
    return models


def _profiles(case: Any, rows: Any) -> Mapping[str, Any]:
    from ml.statistics import column_profiles

    return {name: column_profiles.from_column(rows[name]) for name in ("score", *case.feature_names)}


def _evaluate(case: Any, rows: Any, entities: int, reference: Any) -> Any:
    from ml.monitoring import publication_gate
    from ml.monitoring.publication_gate import ScoreBatch

    invalid = int((~np.isfinite(rows["score"])).sum())
    batch = ScoreBatch(entities=entities, rows=len(rows), invalid=invalid, profiles=_profiles(case, rows))
    return publication_gate.evaluate(batch, reference, case.publication)


def _faults(case: Any, rows: Any, oldest: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name of each fault that affects a whole night, and the night with it."""
    yield "constant", rows.assign(score=rows["score"].median())
    yield "one score is NaN", rows.assign(score=rows["score"].where(np.arange(len(rows)) > 0))
    yield "half of the rows are not scored", rows[::2]
    yield "the first model of all", rows.assign(score=oldest.predict(rows))
    yield "scores turned round", rows.assign(score=1 - rows["score"])
    first = {name: rows[name].iloc[0] for name in case.feature_names}
    yield "the features of one entity for all", rows.assign(**first, score=rows["score"].iloc[0])


def _units(case: Any, rows: Any, model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the night with one numeric feature in another unit and scored again, for each feature and unit."""
    import pandas as pd

    numbers = [name for name in case.feature_names if pd.api.types.is_float_dtype(rows[name].dtype)]
    for unit, factor in UNITS.items():
        for name in numbers:
            faulty = rows.assign(**{name: rows[name] * factor})
            faulty = faulty.assign(score=model.predict(faulty))
            yield f"a feature in {unit}", faulty
            mean_change = float(np.abs(faulty["score"] - rows["score"]).mean())
            if mean_change >= 0.02:
                yield f"a feature in {unit}, scores off by .02 or more in the mean", faulty


def _show(measured: dict[str, Any]) -> None:
    table = Table(title="nights that would be withheld", title_justify="left")
    for heading in ("fault", *measured):
        table.add_column(heading)
    for fault in next(iter(measured.values()))["withheld"]:
        counts = [each["withheld"].get(fault, {"withheld": 0, "of": 0}) for each in measured.values()]
        table.add_row(fault, *(f"{each['withheld']} of {each['of']}" for each in counts))
    Console().print(table)
