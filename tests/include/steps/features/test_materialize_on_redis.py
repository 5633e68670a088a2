"""The full stack's online store: a night brought online through Redis, and what holds while the server is away."""

import platform
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from include.settings import Settings, load_settings
from include.steps.context import StepContext
from include.steps.features import build, materialize, parity
from include.stores import feature_store, lake, warehouse
from ml.errors import SetupError
from ml.usecase import UseCase, periods
from ml.usecase.periods import Period
from tests.include.steps.conftest import NIGHT

if TYPE_CHECKING:
    from tests.redis_server import Server

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(
        sys.platform != "darwin" and platform.machine() != "x86_64", reason="no wheel has a Redis for this machine"
    ),
]

Arrive = Callable[[str], Settings]


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator["Server"]:
    """A Redis of this test alone, which this process finds by its environment."""
    from tests.redis_server import Server

    server = Server(tmp_path_factory.mktemp("redis"))
    server.start()
    monkeypatch.setenv("RATCHET_ONLINE_STORE_URL", server.url)
    load_settings.cache_clear()
    yield server
    server.kill()


def deployed(arrive: Arrive) -> Settings:
    settings = arrive("ingest the next night")
    materialize.apply("taxi")
    return settings


def parity_alerts(settings: Settings) -> dict[str, str]:
    night = periods.parse(NIGHT).first
    result = warehouse.alerts(warehouse.engine(settings.warehouse_url), "taxi", night, night)
    return {each.subject: each.message for each in result if each.kind == parity.ALERT_KIND}


def test_a_night_is_online_in_redis_to_the_last_bit(server: "Server", arrive: Arrive, taxi: UseCase) -> None:
    settings = deployed(arrive)
    assert materialize.materialize("taxi", NIGHT) == 60
    assert server.keys() >= 60
    assert not (settings.feature_store / "taxi" / "online.db").exists()
    rows = build.read(settings.lake, taxi, NIGHT, NIGHT).set_index("entity")
    online = feature_store.online(settings, build.service(StepContext(case=taxi, settings=settings)), list(rows.index))
    names = list(taxi.feature_names)
    pd.testing.assert_frame_equal(online[names], rows[names].astype({"zone": object}), check_exact=True)
    assert parity.check("taxi", NIGHT) == 0


def test_a_correction_of_the_same_cutoff_replaces_what_is_online(
    server: "Server", arrive: Arrive, taxi: UseCase
) -> None:
    settings, night = deployed(arrive), date.fromisoformat(NIGHT)
    materialize.materialize("taxi", NIGHT)
    rows = build.read(settings.lake, taxi, NIGHT, NIGHT)
    corrected = rows.assign(kilometres=rows["kilometres"] + 1)
    lake.replace(build.address(settings.lake, taxi), Period(night, night), corrected)
    materialize.materialize("taxi", NIGHT)
    online = feature_store.online(
        settings, build.service(StepContext(case=taxi, settings=settings)), list(rows["entity"])
    )
    assert online["kilometres"].tolist() == corrected["kilometres"].tolist()


def test_a_null_planted_as_zero_in_redis_is_told_by_parity(server: "Server", arrive: Arrive, taxi: UseCase) -> None:
    settings = deployed(arrive)
    materialize.materialize("taxi", NIGHT)
    rows = build.read(settings.lake, taxi, NIGHT, NIGHT).head(7)
    with feature_store.registry.open_store(settings, "taxi") as store:
        store.write_to_online_store(
            "entities", rows.drop(columns="night").assign(kilometres=0.0).astype({"zone": object})
        )
    assert parity.check("taxi", NIGHT) == 7
    assert "kilometres of 7 entities" in parity_alerts(settings)["online store"]


def test_servers_answer_while_redis_is_away_and_a_later_run_brings_the_night_online(
    server: "Server", arrive: Arrive, taxi: UseCase
) -> None:
    settings = deployed(arrive)
    materialize.materialize("taxi", NIGHT)
    running = materialize.open_snapshot_store(StepContext(case=taxi, settings=settings))
    expected = running.snapshot.lookup(f"{NIGHT}|0")
    server.kill()
    with pytest.raises(
        SetupError, match=r"expected the online store at redis://127\.0\.0\.1:\d+/0 to answer"
    ) as reported:
        materialize.materialize("taxi", NIGHT)
    assert server.password not in str(reported.value)
    for served in (running, materialize.open_snapshot_store(StepContext(case=taxi, settings=settings))):
        assert served.refresh() is None
        assert served.snapshot.lookup(f"{NIGHT}|0") == expected
    server.start()
    assert server.keys() == 0
    assert materialize.materialize("taxi", NIGHT) == 60
    assert parity.check("taxi", NIGHT) == 0


def test_the_password_is_in_no_file_of_the_feature_store(server: "Server", arrive: Arrive) -> None:
    settings = deployed(arrive)
    materialize.materialize("taxi", NIGHT)
    files: list[Path] = [path for path in settings.feature_store.rglob("*") if path.is_file()]
    assert files
    assert not any(server.password.encode() in path.read_bytes() for path in files)
