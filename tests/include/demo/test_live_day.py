"""A live day asks for every entity once the data has reached its cutoff, with a real server, and can be interrupted."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from include.demo import live_day
from include.report import live_day as live_report
from include.settings import Settings
from include.steps import ingest
from include.steps.context import StepContext
from include.steps.features import build
from include.steps.ingest import intraday
from include.steps.score import live_traffic, prediction_log
from include.stores import ledger, packages, warehouse
from ml import targets
from ml.packaging import package_files
from ml.targets.display_names import BINARY
from ml.usecase import UseCase
from tests.include.steps.conftest import NIGHT

DAY = date.fromisoformat(NIGHT)


class Scheduler:
    """Refreshes at once, as a run of the DAG `intraday` does; is interrupted after the refresh number `fails_at`."""

    def __init__(self, settings: Settings, fails_at: int | None = None) -> None:
        self.settings, self.fails_at, self.moments = settings, fails_at, list[datetime]()

    def refresh_live(self, moment: datetime) -> None:
        self.moments.append(moment)
        intraday.refresh("taxi", moment)
        if len(self.moments) == self.fails_at:
            raise KeyboardInterrupt


@pytest.mark.servers
def test_a_live_day_that_is_interrupted_asks_for_the_others_when_it_is_played_again(
    live_home: Settings, taxi: UseCase
) -> None:
    settings, live = live_home, taxi.at("live")
    context = StepContext(case=live, settings=settings)
    first = Scheduler(settings, fails_at=4)
    with pytest.raises(KeyboardInterrupt):
        live_day.play(taxi, taxi.lives[0], DAY, first)  # type: ignore[arg-type]
    prediction_log.collect("taxi-live")
    before = prediction_log.looked_up(context, NIGHT)
    assert 0 < len(before) < 60
    again = Scheduler(settings)
    intraday.refresh("taxi", datetime(2024, 3, 17, 23, tzinfo=UTC))  # a person publishes the snapshot of a later moment
    live_day.play(taxi, taxi.lives[0], DAY, again)  # type: ignore[arg-type]
    answers = prediction_log.looked_up(context, NIGHT)
    assert sorted(answers["entity"]) == sorted(live_traffic.cutoffs(context.at(DAY)).index)
    assert again.moments[0] == first.moments[-1]
    champion = ledger.champion(warehouse.engine(settings.warehouse_url), "taxi-live")
    assert champion is not None
    assert set(answers["package"]) == {champion.subject}
    stored = build.read(settings.lake, live, NIGHT, NIGHT).set_index("entity")
    assert set(stored.index) == set(answers["entity"])

    ingest.ingest("taxi", "2024-03-19")
    facts = package_files.facts(packages.get(settings.packages, champion.subject, settings.trusted_keys))
    declared = with_live_day(taxi)
    result = live_report.gather(declared, context, targets.from_facts(taxi, facts))
    assert result is not None
    assert (result.answered, result.rows) == (len(answers), len(answers))
    assert result.live_loss != result.night_loss
    assert live_report.describe(result, BINARY).startswith(f"live, {NIGHT}: {len(answers)} answered, p99 ")


def with_live_day(case: UseCase) -> UseCase:
    return replace(case, demo=replace(case.demo, live_day=NIGHT))


def test_without_a_live_day_nothing_is_reported(home: Settings, taxi: UseCase) -> None:
    assert live_report.gather(taxi, StepContext(case=taxi, settings=home), None) is None
