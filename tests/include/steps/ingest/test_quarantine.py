"""What is held can be listed, shown with its reasons, and judged again after a fix."""

import pandera.pandas as pa
import pytest

from include import usecases
from include.steps.ingest import quarantine
from include.usecases import coherence
from ml.errors import DeclarationError
from ml.usecase.periods import parse
from tests.include.steps.conftest import HISTORY, NIGHT, Night
from tests.include.steps.ingest.test_corpus import cell

pytestmark = pytest.mark.parametrize("night", ["folder"], indirect=True)


def spoil(night: Night, value: str = "250") -> None:
    night.place.put("bookings.csv", cell("kilometres", value)(night.fetch("bookings.csv")))
    night.take()


def test_files_with_held_rows_are_listed_by_night(night: Night) -> None:
    spoil(night)
    assert [(each.period, each.name, each.rows_quarantined) for each in quarantine.list_files("taxi")] == [
        (HISTORY, "bookings.csv", 1),
        (NIGHT, "bookings.csv", 1),
    ]
    assert [each.period for each in quarantine.list_files("taxi", first=parse(NIGHT).first)] == [NIGHT]


def test_a_file_says_why_it_is_held_or_why_most_of_its_held_rows_are(night: Night) -> None:
    night.place.put("traffic.csv", b"a,b\n")
    spoil(night)
    reported = {
        each.name: quarantine.describe_reason("taxi", each)
        for each in quarantine.list_files("taxi", first=parse(NIGHT).first)
    }
    assert reported["bookings.csv"] == "kilometres: expected less_than_or_equal_to(100), got 250.0 (1)"
    assert reported["traffic.csv"].startswith("expected the columns ['zone', 'measured_at', 'congestion']; missing:")
    assert quarantine.describe_reason("taxi", night.files()["rides.csv"]) == ""


def test_held_rows_are_shown_with_line_reason_and_text(night: Night) -> None:
    spoil(night)
    (row,) = quarantine.rows("taxi", NIGHT).to_dict("records")
    assert (row["table"], row["line"], row["reasons"]) == (
        "bookings",
        5,
        "kilometres: expected less_than_or_equal_to(100), got 250.0",
    )
    assert '"kilometres": "250"' in row["text"]


def test_an_unknown_table_is_refused(night: Night) -> None:
    with pytest.raises(DeclarationError, match="has no table 'boats'"):
        quarantine.rows("taxi", NIGHT, "boats")


def test_after_the_contract_is_mended_what_was_held_is_valid(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(night)
    schema = usecases.module("taxi", "schema")

    class Farther(schema.Booking):
        """A ride may be longer."""

        kilometres: pa.typing.Series[float] = pa.Field(gt=0, le=300)

    monkeypatch.setattr(schema, "Booking", Farther)
    assert coherence.schema_model(usecases.get("taxi"), usecases.get("taxi").table("bookings")) is Farther
    (replayed,) = quarantine.reprocess("taxi", first=parse(NIGHT).first)
    assert (replayed.period, replayed.before, replayed.after) == (NIGHT, 1, 0)
    assert (len(night.stage("valid", "bookings")), night.alerts()) == (60, [])
    assert f"trigger the DAG taxi_score for {NIGHT} to publish them" in quarantine.describe_unscored("taxi", [replayed])


def test_a_replay_that_mends_nothing_leaves_nothing_to_be_scored(night: Night) -> None:
    spoil(night)
    replayed = quarantine.reprocess("taxi", first=parse(NIGHT).first)
    assert [(each.before, each.after) for each in replayed] == [(1, 1)]
    assert quarantine.describe_unscored("taxi", replayed) == ""


def test_nothing_held_is_nothing_to_replay(night: Night) -> None:
    night.take()
    assert quarantine.reprocess("taxi", first=parse(NIGHT).first) == ()


def test_personal_cells_are_shown_only_when_asked_for(night: Night) -> None:
    night.place.put("rides.csv", cell("minutes_late", "soon")(cell("driver", "Ann Smith")(night.fetch("rides.csv"))))
    night.take()
    masked, shown = (quarantine.rows("taxi", NIGHT, show_personal=asked)["text"].item() for asked in (False, True))
    assert ("Ann Smith" in masked, "Ann Smith" in shown) == (False, True)
