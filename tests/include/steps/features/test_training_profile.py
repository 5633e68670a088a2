"""The profile in a package is what its training nights come to, and only a package without one has them read again."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from include.settings import Settings
from include.steps.context import StepContext
from include.steps.features import training_profile
from include.stores import ledger, packages, table_snapshot, warehouse
from ml.monitoring import reference_profile
from ml.monitoring.reference_profile import TrainingProfile
from ml.packaging import package_files
from ml.training.fitting import Model
from ml.usecase import Personal, UseCase
from ml.usecase.periods import Period

Arrive = Callable[[str], Settings]


class Champion:
    """The champion of a home: its package, its model, and the nights it was trained on."""

    files: dict[str, bytes]
    model: Model
    period: Period

    def __init__(self, case: UseCase, settings: Settings) -> None:
        self.context = StepContext(case=case, settings=settings)
        promoted = ledger.champion(warehouse.engine(settings.warehouse_url), case.name)
        assert promoted is not None
        self.files = packages.get(settings.packages, promoted.subject, settings.trusted_keys)
        self.model = package_files.load(self.files)
        self.period = training_profile.training_period(package_files.facts(self.files))

    def measure(self, case: UseCase) -> TrainingProfile:
        """Return the profile of its training nights as the lake has them."""
        tables = table_snapshot.take(case, self.context.settings)
        return training_profile.measure(replace(self.context, case=case), self.model, self.period, tables)

    def profile(self, case: UseCase, monkeypatch: pytest.MonkeyPatch) -> TrainingProfile | None:
        """Return the profile of its package, and None if its training nights had to be read."""
        monkeypatch.setattr(training_profile, "measure", lambda *_: None)
        tables = table_snapshot.take(case, self.context.settings)
        context = replace(self.context, case=case)
        return training_profile.of_package(context, self.files, self.model, self.period, tables)


@pytest.fixture
def champion(arrive: Arrive, taxi: UseCase) -> Champion:
    return Champion(taxi, arrive("monitor"))


def personal(case: UseCase, *may_reach: str) -> UseCase:
    """Return `case` with a column that is personal, and may go where it is said."""
    about = (Personal(column="kilometres", may_reach=may_reach, why="a test"),)  # type: ignore[arg-type]
    return replace(
        case,
        tables=tuple(replace(each, personal=about) if each.name == "bookings" else each for each in case.tables),
    )


def test_a_package_has_the_profile_of_its_training_nights(champion: Champion, taxi: UseCase) -> None:
    stored = reference_profile.from_json(champion.files[training_profile.FILE])
    assert stored == champion.measure(taxi)
    assert stored is not None
    assert set(stored.features.columns) == set(taxi.feature_names)
    assert stored.features.rows >= stored.scores.rows > 0


def test_a_feature_that_reports_may_not_show_is_in_no_profile(champion: Champion, taxi: UseCase) -> None:
    columns = champion.measure(personal(taxi, "features")).features.columns
    assert set(columns) == set(taxi.feature_names) - {"kilometres"}


def test_a_feature_that_reports_may_no_longer_show_is_left_out(
    champion: Champion, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = champion.profile(personal(taxi, "features"), monkeypatch)
    assert profile is not None
    assert list(profile.features.columns) == [name for name in taxi.feature_names if name != "kilometres"]


def test_the_nights_are_read_when_reports_may_show_a_feature_that_the_package_left_out(
    champion: Champion, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = reference_profile.to_json(champion.measure(personal(taxi, "features")))
    champion.files[training_profile.FILE] = hidden
    assert champion.profile(taxi, monkeypatch) is None


def test_the_nights_of_a_package_of_before_are_read(
    champion: Champion, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    del champion.files[training_profile.FILE]
    assert champion.profile(taxi, monkeypatch) is None


def test_nights_without_rows_have_an_empty_profile(champion: Champion, taxi: UseCase) -> None:
    champion.period = Period(champion.period.first.replace(year=2020), champion.period.last.replace(year=2020))
    profile = champion.measure(taxi)
    assert (profile.features.rows, profile.scores.rows) == (0, 0)
