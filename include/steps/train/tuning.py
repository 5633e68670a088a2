"""The hyperparameters of the candidates: searched with the first model, or when a person asks; a refresh keeps what was found."""

import logging
from datetime import date

from include.settings import Settings
from include.stores import ledger, tuning_studies, warehouse
from include.usecases import function_sources
from ml import targets
from ml.errors import RefusalError
from ml.governance import hash_chain, ledger_entries
from ml.governance.ledger_entries import EntryKind, Tuned
from ml.training import recipes, tuning
from ml.training.fitting import TrainingData
from ml.training.tuning import ParameterValues
from ml.usecase import Candidate, Tuning, UseCase

_LOG = logging.getLogger(__name__)


def tuned_candidate(
    case: UseCase, candidate: Candidate, night: date, material: TrainingData, settings: Settings, *, force: bool = False
) -> Candidate:
    """Return the candidate with the hyperparameters found for it as declared; searched where none were, or with `force`.

    Raises RefusalError when the search takes longer than the use case allows.
    """
    if case.tuning is None:
        return candidate
    return _find_or_search(case, case.tuning, candidate, night, material, settings, force=force)


def _find_or_search(
    case: UseCase,
    declared: Tuning,
    candidate: Candidate,
    night: date,
    material: TrainingData,
    settings: Settings,
    *,
    force: bool,
) -> Candidate:
    engine, recipe = (
        warehouse.engine(settings.warehouse_url),
        recipes.digest(case, candidate, function_sources.function_sources(case)),
    )
    searches = [
        (each.night, ledger_entries.read(each, Tuned))
        for each in ledger.entries(engine, use_case=case.name, kind=EntryKind.TUNED, subject=candidate.name)
        if each.night is not None and each.night <= night
    ]
    earlier = [(tuned_night, tuned) for tuned_night, tuned in searches if tuned.recipe == recipe]
    if earlier and (not force or earlier[-1][0] == night):
        return tuning.with_values(candidate, earlier[-1][1].hyperparameters)
    best = _search(case, declared, candidate, night, material, recipe, settings)
    ledger.append(
        engine,
        kind=EntryKind.TUNED,
        use_case=case.name,
        night=night,
        subject=candidate.name,
        payload=Tuned(recipe=recipe, trials=declared.trials, hyperparameters=dict(best)),
        key=f"{case.name}:{EntryKind.TUNED}:{candidate.name}:{night}:{recipe}",
    )
    return tuning.with_values(candidate, best)


def _search(
    case: UseCase,
    declared: Tuning,
    candidate: Candidate,
    night: date,
    material: TrainingData,
    recipe: str,
    settings: Settings,
) -> ParameterValues:
    rows = hash_chain.fingerprint([recipe, material.nights.tolist(), material.labels.tolist()])

    def on_trial(number: int, parameters: ParameterValues, loss: float, seconds: float) -> None:
        _LOG.info(
            "tuning %s, trial %d of %d: %s %.5f with %s",
            candidate.name,
            number,
            declared.trials,
            targets.target_type(case).display_names.loss,
            loss,
            dict(parameters),
        )
        if number < declared.trials and seconds > 60 * declared.minutes:
            raise RefusalError(
                f"expected {declared.trials} trials of {candidate.name} within {declared.minutes:g} minutes, got {number} in "
                f"{seconds / 60:.1f}: allow more minutes or fewer trials (tuning); those made are kept"
            )

    return tuning_studies.search(
        settings.studies / case.name,
        f"{candidate.name}-{night}-{rows[:16]}",
        tuning.search_space(candidate),
        tuning.initial_values(candidate),
        lambda values: tuning.validation_loss(tuning.with_values(candidate, values), material),
        declared.trials,
        on_trial,
        material.seed,
    )
