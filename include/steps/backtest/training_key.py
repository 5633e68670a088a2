"""What a replay's trainings are made of, and so what they are kept by."""

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
    """What is trained on every night alike: a candidate as it is declared, on at most so many rows drawn from all the past.

    `corrected`: answers are calibrated as production does. `held_out`: the latest nights are kept for a gate to judge on.
    """

    candidate: Candidate
    max_rows: int
    calibrated: bool
    held_out: bool


@dataclass(frozen=True, kw_only=True)
class TrainingKey:
    """Trainings that are asked for: of which use case by which recipe, from which versions of tables, by which code."""

    use_case: str
    recipe: BacktestRecipe
    reads: tuple[tuple[str, int], ...]
    code: str

    @property
    def digest(self) -> str:
        """The SHA-256 of everything that the trainings are made of: recipe, versions, gates, code."""
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
        """Return where the training as of a night is kept."""
        return settings.backtests / self.use_case / self.digest[:_SHORT] / str(night)
