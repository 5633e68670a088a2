"""The key of a backtest's trainings: the inputs that determine them, and the path they are stored under."""

from dataclasses import dataclass
from pathlib import Path

from include import usecases
from include.settings import Settings
from include.steps.train.plan import SEED
from include.usecases import function_sources
from ml.governance import hash_chain
from ml.retraining.backtest.history import TrainingId
from ml.training import recipes
from ml.usecase import Candidate, identity

_SHORT = 16


@dataclass(frozen=True, kw_only=True)
class BacktestRecipe:
    """How each model of a backtest is trained: a candidate as declared, on at most `max_rows` rows of all past nights.

    If `calibrated`, scores are calibrated as in production. `first` is the candidate of the first model, None if it is
    the same. `gate` is whether challengers are judged, on nights that are held out.
    """

    candidate: Candidate
    max_rows: int
    calibrated: bool
    gate: bool
    first: Candidate | None = None

    def candidate_of(self, training: TrainingId) -> Candidate:
        """Return the candidate that a training fits."""
        return self.first if training.candidate and self.first is not None else self.candidate


@dataclass(frozen=True, kw_only=True)
class TrainingKey:
    """The inputs of a set of trainings: use case, recipe, table versions (`reads`) and version of the code."""

    use_case: str
    recipe: BacktestRecipe
    reads: tuple[tuple[str, int], ...]
    code: str

    @property
    def digest(self) -> str:
        """The SHA-256 of all inputs: recipe, rows, gates, table versions and code."""
        return self._digest(self.recipe.candidate)

    def path(self, training: TrainingId, settings: Settings) -> Path:
        """Return the folder of one training; it does not depend on the other candidate of the backtest."""
        digest = self._digest(self.recipe.candidate_of(training))[:_SHORT]
        held_out = f"-{training.held_out}" if training.held_out else ""
        return settings.backtests / self.use_case / digest / f"{training.night}{held_out}"

    def _digest(self, candidate: Candidate) -> str:
        case = usecases.get(self.use_case)
        return hash_chain.fingerprint(
            {
                "recipe": recipes.digest(case, candidate, function_sources.function_sources(case)),
                "rows": [self.recipe.max_rows, self.recipe.calibrated, SEED],
                "gates": [identity.text(each) for each in (case.fairness, case.baselines, case.cost)],
                "reads": list(map(list, self.reads)),
                "code": self.code,
            }
        )
