"""The key of a backtest's trainings: the inputs that determine them, and the path they are stored under."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from include import usecases
from include.settings import Settings
from include.steps.train.plan import SEED
from include.usecases import function_sources
from ml.governance import hash_chain
from ml.training import recipes
from ml.usecase import Candidate, identity

_SHORT = 16


@dataclass(frozen=True, kw_only=True)
class BacktestRecipe:
    """How each model of a backtest is trained: a candidate as declared, on at most `max_rows` rows of all past nights.

    If `calibrated`, scores are calibrated as in production. If `held_out`, the latest nights are held out for the gate.
    """

    candidate: Candidate
    max_rows: int
    calibrated: bool
    held_out: bool


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
        case = usecases.get(self.use_case)
        return hash_chain.fingerprint(
            {
                "recipe": recipes.digest(case, self.recipe.candidate, function_sources.function_sources(case)),
                "rows": [self.recipe.max_rows, self.recipe.calibrated, self.recipe.held_out, SEED],
                "gates": [identity.text(each) for each in (case.gates, case.fairness, case.baselines, case.cost)],
                "reads": list(map(list, self.reads)),
                "code": self.code,
            }
        )

    def path(self, night: date, settings: Settings) -> Path:
        """Return the folder of the training as of `night`."""
        return settings.backtests / self.use_case / self.digest[:_SHORT] / str(night)
