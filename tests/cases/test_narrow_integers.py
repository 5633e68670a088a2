"""A cell that the contract's type cannot hold is held back with a reason, and no other number is stored for it."""

from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest
from pandera.typing import Series

from include.settings import Settings
from ml.ingestion import validation
from tests.cases.conftest import MONTH, RENEWALS, ToyNight, Variant
from tests.include.steps.conftest import without_a_source


def checked(kind: Any, cells: list[str], **rule: Any) -> tuple[list[Any], list[str]]:
    """Return the cells of a column of that type that are valid, and why others are held."""
    fields = {"__annotations__": {"row": Series[str], "v": Series[kind]}, "v": pa.Field(**rule)}
    raw = pd.DataFrame({"row": [f"r{place}" for place in range(len(cells))], "v": cells})
    result = validation.check(raw, type("M", (pa.DataFrameModel,), fields), ("row",))
    return result.valid["v"].astype(object).tolist(), result.quarantined["reasons"].tolist()


@pytest.mark.parametrize(
    ("kind", "bounds", "fit", "beyond"),
    [
        pytest.param(pa.Int8, (-128, 127), ["127", "-128"], ["128", "300", "-129"], id="int8"),
        pytest.param(pa.Int16, (-32768, 32767), ["1"], ["70000"], id="int16"),
        pytest.param(pa.Int32, (-(2**31), 2**31 - 1), ["1"], ["2147483648", "3000000000"], id="int32"),
        pytest.param(pa.UInt8, (0, 255), ["255"], ["256"], id="uint8"),
        pytest.param(pa.UInt8, (0, 255), ["1"], ["-1"], id="uint8 below nothing"),
        pytest.param(pa.UInt32, (0, 2**32 - 1), ["1"], ["4294967296"], id="uint32"),
        pytest.param(pd.Int8Dtype, (-128, 127), ["1"], ["128"], id="Int8"),
        pytest.param(pd.Int16Dtype, (-32768, 32767), ["1"], ["70000"], id="Int16"),
        pytest.param(pd.UInt8Dtype, (0, 255), ["1"], ["-1"], id="UInt8"),
    ],
)
def test_a_whole_number_beyond_its_type_is_held_with_the_bounds(
    kind: Any, bounds: tuple[int, int], fit: list[str], beyond: list[str]
) -> None:
    valid, reasons = checked(kind, fit + beyond)
    least, most = bounds
    assert valid == [int(cell) for cell in fit]
    assert reasons == [f"v: expected a whole number from {least} to {most}, got {cell!r}" for cell in beyond]


@pytest.mark.parametrize(("kind", "cell"), [(pa.Float32, "1e39"), (pa.Float16, "70000")], ids=["float32", "float16"])
def test_a_number_beyond_its_type_is_held_and_told(kind: Any, cell: str) -> None:
    valid, (reason,) = checked(kind, ["1", cell])
    assert valid == [1.0]
    assert f"got {cell!r}" in reason


MEMBERS = b"member,billed_on,plan,visits\nm1,2024-01-01,full,3\nm2,2024-01-01,weekend,%s\n"


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        pytest.param("pa.Int8]", "300", id="int8"),
        pytest.param("pd.Int8Dtype] = pa.Field(nullable=True)", "300", id="Int8"),
        pytest.param("pa.UInt8]", "-1", id="uint8"),
    ],
)
def test_the_other_rows_of_the_night_are_taken(
    home: Settings, variant: Variant, monkeypatch: pytest.MonkeyPatch, kind: str, cell: str
) -> None:
    narrow = {"visits: Series[float] = pa.Field(ge=0, le=31)": f"visits: Series[{kind}"}
    night = ToyNight(settings=home, case=variant("gym", "narrow", {"schema": narrow}), night=MONTH, default_files={})
    without_a_source(monkeypatch)
    counts = night.ingest(members_csv=MEMBERS % cell.encode(), renewals_csv=RENEWALS)
    assert counts == {"rows_in": 2, "rows_valid": 1, "rows_quarantined": 1}
    assert night.valid("members")["visits"].tolist() == [3]


@pytest.mark.parametrize(
    "kind",
    [
        "bool",
        "int",
    ],
)
def test_a_column_that_may_be_absent_and_is_gets_no_value(
    home: Settings, variant: Variant, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    maybe = {
        "from typing import Annotated": "from typing import Annotated, Optional",
        "    plan: Series[str]": f"    paid: Optional[Series[{kind}]]\n    plan: Series[str]",
    }
    night = ToyNight(settings=home, case=variant("gym", "maybe", {"schema": maybe}), night=MONTH, default_files={})
    without_a_source(monkeypatch)
    night.ingest(members_csv=MEMBERS % b"4", renewals_csv=RENEWALS)
    rows = night.valid("members")
    assert rows["member"].tolist() == ["m1", "m2"]
    assert "paid" not in rows or rows["paid"].isna().all()
