"""Split four years of the survey in Massachusetts into the files that its office would deliver each month.

The data are the Parquet files of PyPI's `nannyml` wheel (`data-requirements.txt`). Its columns `prediction` and
`predicted_probability` are another model's predictions and are never read. The data do not say in which month a person
was interviewed: the persons of a year are distributed over twelve panels by a hash of their number. A month has two
files: the panel of that month, without labels, and the interviews coded since the last night. An interview is coded 30
days after its panel's night.

A month outside 2015 to 2018 is mapped onto the same month of one of these years, so that every month has a panel.
"""

import hashlib
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd

from include.stores.files import atomic
from include.usecases.employment.codebook import ANSWERS
from include.usecases.employment.usecase import USE_CASE
from ml.usecase.periods import Period

_FIRST_YEAR, _YEARS = 2015, 4
_CODED_AFTER = pd.Timedelta(days=30)
_LATEST_PANELS = 2
_NUMBERS = {"age_years": "AGEP", "education_level": "SCHL"}
_FILES = {
    "persons": ["person_id", "panel_month", *_NUMBERS, *ANSWERS],
    "interviews": ["person_id", "is_employed", "coded_at"],
}


def land(folder: Path, period: Period, data: Path) -> None:
    """Write the files of `period` into `folder`, except those that exist; `data` has the unpacked wheel."""
    schedule = USE_CASE.schedule
    since, until = schedule.cutoff(schedule.previous(period.first)), schedule.cutoff(period.last)
    panel_nights = schedule.nights(Period(schedule.previous(period.first, _LATEST_PANELS), period.last))
    panels = pd.concat([_panel(night, data) for night in panel_nights])
    coded = (panels["coded_at"] > since) & (panels["coded_at"] <= until)
    rows = {"persons": panels["panel_month"] >= str(period.first), "interviews": coded}
    for table, columns in _FILES.items():
        target = folder / f"{table}.csv"
        if not target.exists():
            text = panels.loc[rows[table], columns].to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
            atomic.write(target, text.encode())


def _panel(night: date, data: Path) -> pd.DataFrame:
    """Return the persons of the panel of `night`, with their answers and the time when the interviews are coded."""
    year = _FIRST_YEAR + (night.year - _FIRST_YEAR) % _YEARS
    persons = _persons(data)
    panel = persons[(persons["year"] == year) & (persons["month"] == night.month)]
    return panel.assign(
        person_id=f"{night.year}-" + panel["number"],
        panel_month=str(night),
        coded_at=pd.Timestamp(USE_CASE.schedule.cutoff(night)) + _CODED_AFTER,
    )


@cache
def _persons(data: Path) -> pd.DataFrame:
    """Return all persons with year, month and decoded answers, from a Parquet copy that the first call writes."""
    prepared = data / "persons.parquet"
    if not prepared.exists():
        atomic.write(prepared, _decode_answers(_raw(data / "nannyml/datasets/data")).to_parquet())
    return pd.read_parquet(prepared)


def _raw(folder: Path) -> pd.DataFrame:
    columns = ["id", "year", *_NUMBERS.values(), *(acs for acs, _ in ANSWERS.values())]
    first = pd.read_parquet(folder / "employment_MA_reference.pq", columns=[*columns, "employed"])
    later = pd.read_parquet(folder / "employment_MA_analysis.pq", columns=columns)
    answers = pd.read_parquet(folder / "employment_MA_analysis_target.pq")
    return pd.concat([first, later.merge(answers, on="id", validate="1:1")], ignore_index=True)


def _decode_answers(raw: pd.DataFrame) -> pd.DataFrame:
    answers = {name: raw[acs].astype(int).map(codes) for name, (acs, codes) in ANSWERS.items()}
    numbers = {name: raw[acs].astype(int) for name, acs in _NUMBERS.items()}
    return pd.DataFrame(
        {
            "number": raw["id"].map("{:06d}".format),
            "year": raw["year"],
            "month": raw["id"].map(month),
            "is_employed": raw["employed"],
            **numbers,
            **answers,
        }
    )


def month(number: int) -> int:
    """Return the month, 1 to 12, of a person's panel: a hash of the number, the same on every machine."""
    return hashlib.sha256(str(number).encode()).digest()[0] * 12 // 256 + 1
