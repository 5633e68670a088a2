"""The settings of the candidates: searched with the first model, or when a person asks; a refresh keeps what was found."""

import logging
from datetime import date
from typing import cast

from include.settings import Settings
from include.stores import ledger, tuning_studies, warehouse
from include.usecases import function_sources
from ml import targets
from ml.errors import RefusalError
from ml.governance import hash_chain
from ml.training import recipes, tuning
from ml.training.fitting import Material
from ml.training.tuning import Found
from ml.usecase import Candidate, Tuning, UseCase

TUNED = "tuned"
_LOG = logging.getLogger(__name__)


def settled(
    case: UseCase, candidate: Candidate, night: date, material: Material, settings: Settings, *, anew: bool = False
) -> Candidate:
    """Return the candidate with the settings found for it as it is declared; searched where none were, or `anew`.

    Raises RefusalError when the search takes longer than the use case allows.
    """
    if case.tuning is None:
        return candidate
    return _tuned(case, case.tuning, candidate, night, material, settings, anew=anew)


def _tuned(
    case: UseCase, tuned: Tuning, candidate: Candidate, night: date, material: Material, settings: Settings, *, anew: bool
) -> Candidate:
    engine, recipe = (
        warehouse.engine(settings.warehouse_url),
        recipes.digest(case, candidate, function_sources.sources(case)),
    )
    before = [
        each
        for each in ledger.entries(engine, use_case=case.name, kind=TUNED, subject=candidate.name)
        if each.payload["recipe"] == recipe and each.night is not None and each.night <= night
    ]
    if before and (not anew or before[-1].night == night):
        return tuning.settle(candidate, cast("Found", before[-1].payload["settings"]))
    found = _searched(case, tuned, candidate, night, material, recipe, settings)
    ledger.append(
        engine,
        kind=TUNED,
        use_case=case.name,
        night=night,
        subject=candidate.name,
        payload={"recipe": recipe, "trials": tuned.trials, "settings": dict(found)},
        key=f"{case.name}:tuned:{candidate.name}:{night}:{recipe}",
    )
    return tuning.settle(candidate, found)


def _searched(
    case: UseCase,
    tuned: Tuning,
    candidate: Candidate,
    night: date,
    material: Material,
    recipe: str,
    settings: Settings,
) -> Found:
    rows = hash_chain.fingerprint([recipe, material.nights.tolist(), material.labels.tolist()])

    def told(number: int, found: Found, loss: float, seconds: float) -> None:
        _LOG.info(
            "tuning %s, trial %d of %d: %s %.5f with %s",
            candidate.name,
            number,
            tuned.trials,
            targets.of(case).words.loss,
            loss,
            dict(found),
        )
        if number < tuned.trials and seconds > 60 * tuned.minutes:
            raise RefusalError(
                f"expected {tuned.trials} trials of {candidate.name} within {tuned.minutes:g} minutes, got {number} in "
                f"{seconds / 60:.1f}: allow more minutes or fewer trials (tuning); those made are kept"
            )

    return tuning_studies.search(
        settings.studies / case.name,
        f"{candidate.name}-{night}-{rows[:16]}",
        tuning.space(candidate),
        tuning.declared(candidate),
        lambda found: tuning.loss(tuning.settle(candidate, found), material),
        tuned.trials,
        told,
        material.seed,
    )
