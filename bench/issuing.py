"""Would good nights be withheld, and bad ones issued? Real nights in their order, and faults planted into them.

Each period's scores are those of a model that learned from all before it, as a champion that is replaced each month
(each year, where nights are months) would have issued them. Profiles, bars and the judge are the product's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench import homes

PERIODS = {"flights": ("2013-01-01..2013-12-31", 7), "employment": ("2015-01-01..2018-12-01", 4)}
UNITS = {"miles for kilometres": 1.609, "thousands": 1000.0}
EVERY = 10  # faults of one feature are planted into every tenth night of days, every night of months


def run() -> dict[str, Any]:
    """Return, for each use case, how many real nights would be withheld, and how many of the spoilt ones would not."""
    measured = {}
    for use_case, (period, digits) in PERIODS.items():
        with homes.temporary():
            measured[use_case] = _measure(use_case, period, digits)
    _show(measured)
    return measured


def _measure(use_case: str, period: str, digits: int) -> dict[str, Any]:
    from include.steps.features import build
    from ml.scoring import publication_gate

    case, settings = homes.taken(use_case, period)
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
    held: dict[str, list[bool]] = {}
    reasons: list[str] = []
    for number, night in enumerate(order):
        before = [profiles[each] for each in order[max(0, number - case.publication.reference_nights) : number]]
        if len(before) < case.publication.min_reference_nights:
            continue
        whole, model = nights[night], models[night[:digits]]
        usual = publication_gate.build_reference(before, case.publication)
        verdict = _judged(case, whole, len(whole), usual)
        held.setdefault("none", []).append(not verdict.is_publishable)
        reasons += [] if verdict.is_publishable else [f"{night}: {verdict.reason}"]
        held.setdefault("half of the entities never came", []).append(
            not _judged(case, whole[::2], len(whole[::2]), usual).is_publishable
        )
        for fault, spoilt in _faults(case, whole, oldest):
            held.setdefault(fault, []).append(not _judged(case, spoilt, len(whole), usual).is_publishable)
        if digits == 4 or number % EVERY == 0:
            for unit, each in _units(case, whole, model):
                held.setdefault(unit, []).append(not _judged(case, each, len(whole), usual).is_publishable)
    return {
        "nights": len(held["none"]),
        "withheld": {name: {"of": len(each), "withheld": sum(each)} for name, each in held.items()},
        "false_alarms": reasons,
    }


def _models(case: Any, settings: Any, period: str, digits: int, spans: Sequence[str]) -> dict[str, Any]:
    """Return, for each span, the model that learned from all before it."""
    from ml.training import fitting

    labelled = homes.labelled(case, settings, period)
    of_row = np.array([night[:digits] for night in labelled.nights], object)
    candidate, found = case.candidates[1], {}
    for span in spans:
        learned = labelled.select(of_row < span)
        material = homes.gathered(case, learned, settings, 1)
        found[span] = fitting.fit(candidate, material).model
    return found


def _profiles(case: Any, rows: Any) -> Mapping[str, Any]:
    from ml.statistics import column_profiles

    return {name: column_profiles.from_column(rows[name]) for name in ("score", *case.feature_names)}


def _judged(case: Any, rows: Any, entities: int, usual: Any) -> Any:
    from ml.scoring import publication_gate
    from ml.scoring.publication_gate import ScoreBatch

    wrong = int((~np.isfinite(rows["score"])).sum())
    batch = ScoreBatch(entities=entities, rows=len(rows), invalid=wrong, profiles=_profiles(case, rows))
    return publication_gate.evaluate(batch, usual, case.publication)


def _faults(case: Any, rows: Any, oldest: Any) -> Iterator[tuple[str, Any]]:
    """Yield the night with what may go wrong with all of it."""
    yield "constant", rows.assign(score=rows["score"].median())
    yield "one score is NaN", rows.assign(score=rows["score"].where(np.arange(len(rows)) > 0))
    yield "half of the rows are not scored", rows[::2]
    yield "the first model of all", rows.assign(score=oldest.predict(rows))
    yield "scores turned round", rows.assign(score=1 - rows["score"])
    dealt = {name: rows[name].iloc[0] for name in case.feature_names}
    yield "the features of one entity for all", rows.assign(**dealt, score=rows["score"].iloc[0])


def _units(case: Any, rows: Any, model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the night with one feature in another unit, each in its turn, scored anew."""
    import pandas as pd

    numbers = [name for name in case.feature_names if pd.api.types.is_float_dtype(rows[name].dtype)]
    for unit, factor in UNITS.items():
        for name in numbers:
            spoilt = rows.assign(**{name: rows[name] * factor})
            spoilt = spoilt.assign(score=model.predict(spoilt))
            yield f"a feature in {unit}", spoilt
            moved = float(np.abs(spoilt["score"] - rows["score"]).mean())
            if moved >= 0.02:
                yield f"a feature in {unit}, scores off by .02 or more in the mean", spoilt


def _show(measured: dict[str, Any]) -> None:
    table = Table(title="nights that would be withheld", title_justify="left")
    for heading in ("fault", *measured):
        table.add_column(heading)
    for fault in next(iter(measured.values()))["withheld"]:
        told = [each["withheld"].get(fault, {"withheld": 0, "of": 0}) for each in measured.values()]
        table.add_row(fault, *(f"{each['withheld']} of {each['of']}" for each in told))
    Console().print(table)
