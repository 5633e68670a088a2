"""The survey's files hold a month's panel and, on their own and later, its answers; the contract is the codebook's."""

from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest

from include import usecases
from include.settings import load_settings
from include.usecases import coherence
from include.usecases.employment import source
from include.usecases.employment.usecase import USE_CASE
from ml.ingestion import availability, validation
from ml.ingestion.validation import ValidationResult

DATA = load_settings().data / "employment"
HORIZON = USE_CASE.schedule
ALL_YEARS = "2015-01-01..2018-12-01"


@cache
def landed(period: str) -> dict[str, pd.DataFrame]:
    """Return the text that lands for a period, by table."""
    with TemporaryDirectory() as folder:
        source.land(Path(folder), HORIZON.parse(period), DATA)
        files = {table.name: Path(folder, f"{table.name}.csv") for table in USE_CASE.tables}
        return {name: pd.read_csv(file, dtype=object, keep_default_na=False) for name, file in files.items()}


def checked(table: str, rows: pd.DataFrame) -> ValidationResult:
    declared = USE_CASE.table(table)
    return validation.check(rows, coherence.schema_model(USE_CASE, declared), declared.key)


def test_a_years_panels_are_its_persons_each_once() -> None:
    persons = landed(ALL_YEARS)["persons"]
    persons = persons[persons["panel_month"].str.startswith("2015-")]
    assert len(persons) == 68_785
    assert persons["person_id"].is_unique
    assert persons["panel_month"].value_counts().between(5_400, 6_100).all()


def test_all_four_years_keep_the_contract() -> None:
    for table, rows in landed(ALL_YEARS).items():
        assert len(checked(table, rows).quarantined) == 0
    assert len(landed(ALL_YEARS)["persons"]) == 277_677


def test_nothing_that_lands_with_a_panel_tells_its_answers() -> None:
    columns = set(landed("2016-02-01")["persons"].columns)
    assert not {"is_employed", "coded_at", "prediction", "predicted_probability", "year"} & columns


@pytest.mark.parametrize(
    ("night", "panels"),
    [("2016-01-01", ["2015-12-01"]), ("2016-03-01", []), ("2016-04-01", ["2016-02-01", "2016-03-01"])],
    ids=["a month later", "February is too short", "two months at once"],
)
def test_answers_come_with_the_first_night_thirty_days_after_their_panel(night: str, panels: list[str]) -> None:
    answers = landed(night)["interviews"]
    assert set(answers["person_id"]) == {each for panel in panels for each in landed(panel)["persons"]["person_id"]}
    assert all(answers["coded_at"] <= f"{HORIZON.cutoff(date.fromisoformat(night)):%Y-%m-%dT%H:%M:%SZ}")


def test_nights_apart_land_what_they_land_together() -> None:
    together = landed("2016-01-01..2016-04-01")
    for table, rows in together.items():
        apart = [row for month in (1, 2, 3, 4) for row in landed(f"2016-0{month}-01")[table].itertuples(index=False)]
        assert sorted(apart) == sorted(rows.itertuples(index=False))


def test_landing_twice_gives_the_same_bytes_and_leaves_alone_what_is_there(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        source.land(tmp_path / folder, HORIZON.parse("2016-02-01"), DATA)
    (tmp_path / "two" / "persons.csv").write_text("mine")
    source.land(tmp_path / "two", HORIZON.parse("2016-02-01"), DATA)
    one, two = ((tmp_path / folder / "interviews.csv").read_bytes() for folder in ("one", "two"))
    assert one == two
    assert (tmp_path / "two" / "persons.csv").read_text() == "mine"


def test_a_persons_month_is_the_same_on_every_machine() -> None:
    assert [source.month(number) for number in (0, 1, 68_785, 277_676)] == [5, 6, 10, 3]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"age_years": "120"}, "age_years: expected less_than_or_equal_to"),
        ({"race": "1"}, "race: expected isin"),
        ({"person_id": "17"}, "person_id: expected str_matches"),
        ({"age_years": "3"}, "given by someone who is not asked"),
        ({"nativity": "foreign born", "citizenship": "born in the states"}, "nativity contradicts citizenship"),
        ({"disability": "no", "vision_difficulty": "yes"}, "a difficulty without a disability"),
        ({"relationship": "spouse", "marital_status": "divorced"}, "spouse is not married"),
        ({"age_years": "40", "parents_in_labor_force": "both parents do"}, "given for someone aged 18 or more"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_a_row_that_contradicts_the_codebook_is_quarantined_alone(changes: dict[str, str], reason: str) -> None:
    panel = landed("2016-02-01")["persons"]
    grown = panel.index[(panel["military_service"] == "never") & (panel["parents_in_labor_force"].str.startswith("no"))]
    rows = panel.copy()
    rows.loc[grown[0], list(changes)] = list(changes.values())
    quarantined = checked("persons", rows).quarantined
    assert list(quarantined.index) == [grown[0]]
    assert reason in quarantined["reasons"].iloc[0]


def test_every_row_of_a_night_may_come() -> None:
    for name in ("persons", "interviews"):
        valid = checked(name, landed("2016-04-01")[name]).valid
        refused = availability.assign_nights(
            valid, USE_CASE.table(name), HORIZON, HORIZON.parse("2016-04-01")
        ).refusal_reasons
        assert set(refused) == {""}


def test_a_month_of_another_year_plays_the_same_month_under_numbers_of_its_own() -> None:
    then, now = landed("2016-05-01")["persons"], landed("2024-05-01")["persons"]
    assert set(now["panel_month"]) == {"2024-05-01"}
    assert not set(then["person_id"]) & set(now["person_id"])
    named = ["person_id", "panel_month"]
    pd.testing.assert_frame_equal(now.drop(columns=named), then.drop(columns=named))


def test_personal_columns_say_where_they_may_go() -> None:
    declared = {each.column: each.may_reach for each in USE_CASE.table("persons").personal}
    assert {"sex", "race", "disability"} <= set(declared)
    assert not any("logs" in reach for reach in declared.values())
    assert {each.feature for each in USE_CASE.slices} <= set(declared)


def test_the_use_case_is_the_one_that_is_found() -> None:
    assert usecases.get("employment") is USE_CASE
