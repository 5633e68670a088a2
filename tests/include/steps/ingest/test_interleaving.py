"""Whatever order files land, are corrected, come late, and are taken in: the end is that of a clean run of the last files."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from include import usecases
from include.settings import Settings, load_settings
from include.steps import ingest
from include.steps.features import build
from include.steps.ingest import quarantine
from include.stores import lake, landing, warehouse
from include.stores.landing import Location
from ml.usecase import periods
from tests.include.steps.conftest import enter, without_a_source
from tests.include.steps.ingest.test_corpus import cell

NIGHTS = ("2024-03-17", "2024-03-18", "2024-03-19")
VARIANTS = ("as drawn", "a bad row", "an outcome less", "late part", "bytes of another night")
Files = dict[str, dict[str, bytes]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The files of each night as its source draws them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usecases, "__path__", [*usecases.__path__, str(Path(__file__).parents[3] / "usecases")])
        usecases.all.cache_clear()
        source, folder = usecases.module("taxi", "source"), tmp_path_factory.mktemp("drawn")
        for night in NIGHTS:
            source.land(folder / night, periods.parse(night), folder)
        usecases.all.cache_clear()
    return {night: {path.name: path.read_bytes() for path in (folder / night).iterdir()} for night in NIGHTS}


def variant(files: Files, night: str, kind: str) -> dict[str, bytes]:
    """Return the files of a night in one of their variants."""
    own = dict(files[night])
    header, *lines = own["rides.csv"].splitlines(keepends=True)
    match kind:
        case "a bad row":
            own["bookings.csv"] = cell("kilometres", "far")(own["bookings.csv"])
        case "an outcome less":
            own["rides.csv"] = b"".join([header, *lines[1:]])
        case "late part":
            own["rides.csv"] = b"".join([header, *lines[:-5]])
            own["rides.late.csv"] = b"".join([header, *lines[-6:]])
        case "bytes of another night":
            own["traffic.again.csv"] = files[NIGHTS[0]]["traffic.csv"]
    return own


def land(place: Location, files: dict[str, bytes]) -> None:
    folder = Path(str(place))
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        place.put(name, content)


def take(night: str) -> None:
    ingest.ingest("taxi", night)
    build.build("taxi", night)


def state(settings: Settings) -> dict[str, object]:
    """Return what the home holds as of the last files: tables, labels, counts, alerts, and what became of each file."""
    held: dict[str, object] = {}
    for log in sorted(Path(settings.lake).rglob("_delta_log")):
        rows = lake.read(str(log.parent))
        held[str(log.parent.relative_to(settings.lake))] = rows.sort_values(list(rows.columns)).to_csv(index=False)
    engine = warehouse.engine(settings.warehouse_url)
    with engine.connect() as connection:
        held["labels"] = pd.read_sql("SELECT * FROM labels ORDER BY entity", connection).to_csv()
    held["counts"], held["alerts"] = warehouse.ingestions(engine, "taxi"), warehouse.alerts(engine, "taxi")
    held["files"] = warehouse.files(engine, "taxi")
    return held


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("land"), st.sampled_from(NIGHTS), st.sampled_from(VARIANTS)),
        st.tuples(st.just("take"), st.sampled_from(NIGHTS), st.none()),
        st.tuples(st.just("replay"), st.sampled_from(NIGHTS), st.none()),
    ),
    min_size=2,
    max_size=7,
)


@settings(max_examples=3, phases=(Phase.explicit, Phase.generate))
@given(operations=OPERATIONS)
@example(operations=[("land", NIGHTS[2], "bytes of another night"), ("take", NIGHTS[2], None)])
@example(operations=[("take", NIGHTS[1], None), ("take", NIGHTS[0], None), ("land", NIGHTS[0], "an outcome less")])
def test_any_interleaving_ends_as_a_clean_run_of_the_last_files(
    prepared_home: Path, drawn: Files, tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("interleaving")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usecases, "__path__", [*usecases.__path__, str(Path(__file__).parents[3] / "usecases")])
        patch.setenv("RATCHET_HOME", str(folder))
        usecases.all.cache_clear()
        without_a_source(patch)
        mixed, clean = (
            _mixed(prepared_home, folder, drawn, operations),
            _clean(prepared_home, folder, drawn, operations),
        )
    usecases.all.cache_clear()
    load_settings.cache_clear()
    assert mixed.keys() == clean.keys()
    assert [name for name in clean if mixed[name] != clean[name]] == []


def _mixed(home: Path, folder: Path, drawn: Files, operations: list[tuple[str, str, str]]) -> dict[str, object]:
    settings = enter(shutil.copytree(home, folder / "mixed"))
    pending = set(NIGHTS)
    for night in NIGHTS:
        land(landing.period_location(settings.landing, "taxi", periods.parse(night)), drawn[night])
    for operation, night, kind in operations:
        if operation == "land":
            land(landing.period_location(settings.landing, "taxi", periods.parse(night)), variant(drawn, night, kind))
            pending.add(night)
        elif operation == "take":
            take(night)
            pending.discard(night)
        else:
            quarantine.reprocess("taxi", periods.parse(night).first, periods.parse(night).last)
    for night in sorted(pending, reverse=True):
        take(night)
    return state(settings)


def _clean(home: Path, folder: Path, drawn: Files, operations: list[tuple[str, str, str]]) -> dict[str, object]:
    settings = enter(shutil.copytree(home, folder / "clean"))
    last = dict.fromkeys(NIGHTS, "as drawn") | {night: kind for what, night, kind in operations if what == "land"}
    for night, kind in last.items():
        land(landing.period_location(settings.landing, "taxi", periods.parse(night)), variant(drawn, night, kind))
    for night in NIGHTS:
        take(night)
    return state(settings)
