"""Hyperparameter tuning: searched for the first model and on request; a refresh reuses the earlier result."""

import logging

from include.steps.context import NightContext
from include.stores import ledger, tuning_studies
from include.usecases import function_sources
from ml import targets
from ml.errors import RefusalError
from ml.governance import hash_chain, ledger_entries
from ml.governance.ledger_entries import EntryKind, Tuned
from ml.training import recipes, tuning
from ml.training.fitting import TrainingData
from ml.training.tuning import ParameterValues
from ml.usecase import Candidate, Tuning

_LOG = logging.getLogger(__name__)


def tuned_candidate(
    context: NightContext, candidate: Candidate, material: TrainingData, *, force: bool = False
) -> Candidate:
    """Return the candidate with tuned hyperparameters; without tuning in the use case, the candidate as declared.

    An earlier result for the same declaration is reused; without one, or with `force`, they are searched. Raises
    RefusalError when the search takes longer than the use case allows.
    """
    if context.case.tuning is None:
        return candidate
    return _find_or_search(context, context.case.tuning, candidate, material, force=force)


def _find_or_search(
    context: NightContext,
    declared: Tuning,
    candidate: Candidate,
    material: TrainingData,
    *,
    force: bool,
) -> Candidate:
    engine, recipe = (
        context.engine,
        recipes.digest(context.case, candidate, function_sources.function_sources(context.case)),
    )
    searches = [
        (each.night, ledger_entries.read(each, Tuned))
        for each in ledger.entries(engine, use_case=context.case.name, kind=EntryKind.TUNED, subject=candidate.name)
        if each.night is not None and each.night <= context.night
    ]
    earlier = [(tuned_night, tuned) for tuned_night, tuned in searches if tuned.recipe == recipe]
    if earlier and (not force or earlier[-1][0] == context.night):
        return tuning.with_values(candidate, earlier[-1][1].hyperparameters)
    best = _search(context, declared, candidate, material, recipe)
    ledger.append(
        engine,
        kind=EntryKind.TUNED,
        use_case=context.case.name,
        night=context.night,
        subject=candidate.name,
        payload=Tuned(recipe=recipe, trials=declared.trials, hyperparameters=dict(best)),
        key=f"{context.case.name}:{EntryKind.TUNED}:{candidate.name}:{context.night}:{recipe}",
    )
    return tuning.with_values(candidate, best)


def _search(
    context: NightContext, declared: Tuning, candidate: Candidate, material: TrainingData, recipe: str
) -> ParameterValues:
    rows = hash_chain.fingerprint([recipe, material.nights.tolist(), material.labels.tolist()])

    def on_trial(number: int, parameters: ParameterValues, loss: float, seconds: float) -> None:
        _LOG.info(
            "tuning %s, trial %d of %d: %s %.5f with %s",
            candidate.name,
            number,
            declared.trials,
            targets.target_type(context.case).display_names.loss,
            loss,
            dict(parameters),
        )
        if number < declared.trials and seconds > 60 * declared.minutes:
            raise RefusalError(
                f"expected {declared.trials} trials of {candidate.name} within {declared.minutes:g} minutes, got "
                f"{number} in {seconds / 60:.1f}: allow more minutes or fewer trials (tuning); finished trials are kept"
            )

    return tuning_studies.search(
        context.settings.studies / context.case.name,
        f"{candidate.name}-{context.night}-{rows[:16]}",
        tuning.search_space(candidate),
        tuning.initial_values(candidate),
        lambda values: tuning.validation_loss(tuning.with_values(candidate, values), material),
        declared.trials,
        on_trial,
        material.seed,
    )
