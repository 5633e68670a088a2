"""A use case whose contract changes over stored nights: its next night is ingested, or refused with the way on."""

import pandas as pd
import pytest

from include.settings import Settings
from include.steps.features import build
from include.stores import lake
from ml.errors import RatchetError
from ml.usecase import UseCase
from tests.cases.conftest import RENEWALS, ToyNight, Variant
from tests.include.steps.conftest import without_a_source

FIRST, SECOND = "2024-01-01", "2024-02-01"
HEADER = "member,billed_on,plan,visits"
VISITS = "visits: Series[float] = pa.Field(ge=0, le=31)"


class Club:
    """The gym toy under another name, whose contract a test changes between two nights."""

    def __init__(self, settings: Settings, variant: Variant) -> None:
        self._settings, self._variant = settings, variant
        self.case = variant("gym", "club", {})

    def change(self, *, schema: dict[str, str] | None = None, usecase: dict[str, str] | None = None) -> UseCase:
        self.case = self._variant("gym", "club", {"schema": schema or {}, "usecase": usecase or {}})
        return self.case

    def ingest(self, month: str, header: str = HEADER, *rows: str) -> int:
        """Ingest a month of two members, or of `rows`, and build its features; return the number of valid rows."""
        rows = rows or (f"m1,{month},full,3", f"m2,{month},trial,4")
        night = ToyNight(settings=self._settings, case=self.case, night=month, default_files={})
        counts = night.ingest(members_csv="\n".join([header, *rows]).encode(), renewals_csv=RENEWALS)
        build.build(self.case.name, month)
        return counts["rows_valid"]

    def rows(self, stage: str = "valid", table: str = "members") -> pd.DataFrame:
        return lake.read(lake.address(self._settings.lake, self.case.name, stage, table)).sort_values(
            ["night", "member"]
        )


@pytest.fixture
def club(home: Settings, variant: Variant, monkeypatch: pytest.MonkeyPatch) -> Club:
    without_a_source(monkeypatch)
    return Club(home, variant)


def test_a_contract_gains_a_column_and_loses_it_again(club: Club) -> None:
    assert club.ingest(FIRST) == 2
    club.change(
        schema={VISITS: f"{VISITS}\n    paid: Series[float]"},
        usecase={'Column("visits"))': 'Column("visits"), Column("paid"))'},
    )
    rows = (f"m1,{SECOND},full,3,9.5", f"m2,{SECOND},trial,4,0")
    assert club.ingest(SECOND, f"{HEADER},paid", *rows) == 2
    assert club.rows()["paid"].fillna(-1).tolist() == [-1, -1, 9.5, 0]
    assert build.build("club", f"{FIRST}..{SECOND}") == 4
    club.change()
    assert club.ingest(FIRST) == 2
    assert club.rows()["visits"].tolist() == [3, 4, 3, 4]


def test_a_number_gets_a_wider_type_and_a_narrower_one(club: Club) -> None:
    club.change(schema={VISITS: "visits: Series[pa.Int8]"})
    assert club.ingest(FIRST) == 2
    club.change(schema={VISITS: "visits: Series[float]"})
    assert club.ingest(SECOND, HEADER, f"m1,{SECOND},full,3.5") == 1
    assert club.rows()["visits"].tolist() == [3, 4, 3.5]
    club.change(schema={VISITS: "visits: Series[pa.Int8]"})
    assert club.ingest(FIRST) == 2
    assert club.rows()["visits"].tolist() == [3, 4, 3.5]


def test_a_number_that_is_text_now_is_refused_and_the_stored_nights_stay(club: Club) -> None:
    assert club.ingest(FIRST) == 2
    club.change(schema={VISITS: "visits: Series[str]"})
    refusal = "expected 'visits' of valid/members as double, the type of the stored nights, got string"
    with pytest.raises(RatchetError, match=f"{refusal}: restore the type .*ratchet forget club"):
        club.ingest(SECOND)
    assert club.rows()["visits"].tolist() == [3, 4]
    assert club.ingest(FIRST) == 2
    assert club.rows()["visits"].tolist() == ["3", "4"]
    assert club.ingest(SECOND) == 2


@pytest.mark.parametrize("key", ['("card",)', '("member", "card")', '("card", "member")'])
def test_a_key_that_changed_is_refused_with_the_way_on(club: Club, key: str) -> None:
    assert club.ingest(FIRST) == 2
    member = 'member: Series[str] = pa.Field(str_matches=r"^m\\d+$")'
    club.change(schema={member: f"card: Series[str]\n    {member}"}, usecase={'key=("member",)': f"key={key}"})
    with pytest.raises(RatchetError, match=r"the key of 'members' .* of stored nights .*`ratchet forget club`"):
        club.ingest(SECOND, f"{HEADER},card", f"m1,{SECOND},full,3,c1")
    assert len(club.rows()) == 2
    assert club.ingest(FIRST, f"{HEADER},card", f"m1,{FIRST},full,3,c1") == 1
