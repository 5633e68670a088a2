"""The summary says what warehouse and ledger say."""

import json
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from include import report
from include.report import Summary
from include.stores import ledger
from ml.governance import ledger_entries
from ml.governance.ledger_entries import EntryKind, Verdict
from ml.usecase import UseCase, periods


@pytest.fixture
def summary(engine: sa.Engine, case: UseCase) -> Summary:
    return report.gather(engine, case, periods.parse("2013-02-01..2013-02-03"), {"nights": 1.234})


def test_rows_in_are_valid_plus_quarantined_over_all_tables(summary: Summary) -> None:
    assert [(n.rows_in, n.rows_valid, n.rows_quarantined) for n in summary.nights] == [(100, 98, 2)] * 3


def test_an_immature_night_has_scores_but_no_numbers(summary: Summary) -> None:
    last = summary.nights[-1]
    assert (last.scored, last.matured, last.loss, last.calibration_gap) == (100, 0, None, None)


def test_retrains_name_the_trigger_that_asked(summary: Summary) -> None:
    assert [(each.night, each.trigger) for each in summary.retrains] == [("2013-02-02", "calibration_gap")]


def test_only_a_promoted_challenger_has_approvers(summary: Summary) -> None:
    assert [(each.verdict, each.approved_by) for each in summary.releases] == [
        ("promote", ("ann", "bob")),
        ("keep", ()),
    ]


def test_a_refused_attempt_at_the_same_package_has_no_approvers(engine: sa.Engine, case: UseCase) -> None:
    entries = ledger.entries(engine, kind=EntryKind.JUDGED)
    verdicts = [(each, ledger_entries.read(each, Verdict)) for each in entries]
    ((judged, promoted),) = [(each, verdict) for each, verdict in verdicts if verdict.outcome == "promote"]
    ledger.append(
        engine,
        kind=EntryKind.JUDGED,
        use_case=case.name,
        night=judged.night,
        subject=judged.subject,
        payload=replace(promoted, outcome="keep"),
        key="refused",
    )
    reported = report.gather(engine, case, periods.parse("2013-02-01..2013-02-03"), {})
    assert (reported.releases[-1].verdict, reported.releases[-1].approved_by) == ("keep", ())


@pytest.mark.parametrize(
    ("change", "features"),
    [
        pytest.param({"features_without_benefit": ("noise",)}, ("noise",), id="one"),
        pytest.param({"features_without_benefit": (), "diagnostics": {"rules": 3}}, (), id="all have a benefit"),
        pytest.param({"features_without_benefit": (), "diagnostics": {}}, None, id="not measured"),
    ],
)
def test_features_without_benefit_are_told_where_they_were_measured(
    engine: sa.Engine, case: UseCase, change: dict[str, Any], features: tuple[str, ...] | None
) -> None:
    judged = ledger.entries(engine, kind=EntryKind.JUDGED)[0]
    ledger.append(
        engine,
        kind=EntryKind.JUDGED,
        use_case=case.name,
        night=judged.night,
        subject=judged.subject,
        payload=replace(ledger_entries.read(judged, Verdict), **change),
        key="again",
    )
    reported = report.gather(engine, case, periods.parse("2013-02-01..2013-02-03"), {})
    assert reported.releases[-1].unprofitable_features == features


def test_run_json_has_the_promised_fields_and_no_others(summary: Summary) -> None:
    reported = json.loads(json.dumps(summary.as_json()))
    assert set(reported) == {
        "schema_version",
        "use_case",
        "nights",
        "retrains",
        "releases",
        "retraining_gain",
        "live_day",
        "seconds",
    }
    assert set(reported["releases"][0]) == {"version", "digest", "verdict", "interval", "approved_by"}
    assert reported["seconds"] == {"nights": 1.23}


def test_nights_outside_the_period_are_left_out(engine: sa.Engine, case: UseCase) -> None:
    reported = report.gather(engine, case, periods.parse("2013-02-02"), {})
    assert [each.night for each in reported.nights] == ["2013-02-02"]


def test_a_scored_night_names_what_its_scores_were_made_of(engine: sa.Engine, case: UseCase) -> None:
    reported = report.gather(engine, case, periods.parse("2013-02-02"), {})
    assert reported.table_versions == {"2013-02-02": {"features/entities": 4, "valid/rides": 3}}
