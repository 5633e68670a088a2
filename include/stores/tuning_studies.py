"""Resumable hyperparameter searches, stored in Optuna journals, one file per study."""

import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ml.training.tuning import ParameterValues, Range

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

_STARTUP_TRIALS, _SECONDS = 5, "seconds"
TrialCallback = Callable[[int, ParameterValues, float, float], None]


def search(
    folder: Path,
    name: str,
    space: Mapping[str, Range],
    initial: ParameterValues,
    objective: Callable[[ParameterValues], float],
    trials: int,
    on_trial: TrialCallback,
    seed: int,
) -> ParameterValues:
    """Return the parameters with the smallest `objective` among `trials` trials; an interrupted search is resumed.

    The first trial uses `initial`. Each later trial is sampled with a tree-structured Parzen estimator (Bergstra et al.
    2011), seeded with `seed` plus its number, from the finished trials before it. Only finished trials are stored, so a
    resumed search finds the same parameters as an uninterrupted one. After each trial `on_trial` is called with its
    number, its parameters, its value and the total seconds so far; an exception from it ends the search. Processes that
    run the same study wait for each other, and the second finds the trials of the first.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with _study_lock(folder, name):
        journal = JournalStorage(JournalFileBackend(str(folder / f"{name}.log")))
        study = optuna.create_study(study_name=name, storage=journal, load_if_exists=True)
        distributions = {each: _distribution(span) for each, span in space.items()}
        while (number := len(study.trials)) < trials:
            params = initial if number == 0 else _sample(study.trials, distributions, seed + number)
            started = time.monotonic()
            value = objective(params)
            spent = {_SECONDS: time.monotonic() - started}
            study.add_trial(
                optuna.trial.create_trial(
                    params=dict(params), distributions=distributions, value=value, user_attrs=spent
                )
            )
            on_trial(number + 1, params, value, sum(each.user_attrs[_SECONDS] for each in study.trials))
        return dict(study.best_params)


@contextmanager
def _study_lock(folder: Path, name: str) -> Iterator[None]:
    """Let one process search at a time; the lock is released when that process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _distribution(span: Range) -> "BaseDistribution":
    from optuna.distributions import FloatDistribution, IntDistribution

    if span.is_integer:
        return IntDistribution(round(span.low), round(span.high), log=True)
    return FloatDistribution(span.low, span.high, log=True)


def _sample(
    finished_trials: "list[FrozenTrial]", distributions: "dict[str, BaseDistribution]", seed: int
) -> ParameterValues:
    """Return the parameters that a new sampler draws after `finished_trials`; only these and `seed` determine them."""
    import optuna

    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=_STARTUP_TRIALS, multivariate=True)
    study = optuna.create_study(sampler=sampler)
    study.add_trials(finished_trials)
    return dict(study.ask(distributions).params)
