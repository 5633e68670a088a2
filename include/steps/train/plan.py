"""The plan of a training: the inputs that are pinned from its first task to its last."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from include import provenance
from include.settings import Settings
from include.steps.context import NightContext
from include.steps.train import attempts
from include.stores import candidate_store
from ml.errors import RequestError
from ml.governance import hash_chain

SEED = 2013
_FILE, _SHORT = "plan.json", 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A training's plan; equal plans lead to equal candidates and the same verdict.

    `reads` has the table versions. `champion` is the digest of the champion to compare with, None before the first, and
    `used_until` the last night it was fitted or selected on. `declared` and `code` identify the use case and the code
    at that time; `key` is the ledger key of the verdict.
    """

    use_case: str
    night: str
    trigger: str
    tune: bool
    reads: Mapping[str, int]
    champion: str | None
    used_until: str
    declared: str
    code: str
    key: str
    seed: int = SEED

    @property
    def digest(self) -> str:
        """The SHA-256 by which the tasks of a training refer to the plan."""
        return hash_chain.fingerprint(asdict(self))


def put(plan: Plan, settings: Settings) -> None:
    """Store the plan for the following tasks."""
    path = _plan_path(plan.use_case, plan.night, plan.digest, settings)
    candidate_store.put(path, {_FILE: json.dumps(asdict(plan), sort_keys=True).encode()})


def get(context: NightContext, digest: str) -> Plan:
    """Return the plan with this digest.

    Raises CandidateFilesError when it is missing or damaged, and RequestError when the use case or the code have
    changed since it was made.
    """
    files = candidate_store.get(_plan_path(context.case.name, str(context.night), digest, context.settings))
    plan = Plan(**json.loads(files[_FILE]))
    if (plan.declared, plan.code) != (attempts.declaration_digest(context.case), provenance.code_version()):
        raise RequestError(
            f"expected {context.case.name} and the code (ml/, include/) as they were when the training of "
            f"{context.night} began, but they were changed since: clear its run from its first task, `prepare`"
        )
    return plan


def candidate_path(plan: Plan, candidate: str, settings: Settings) -> Path:
    """Return the folder of a candidate's files."""
    return _folder(plan.use_case, plan.night, settings) / plan.digest[:_SHORT] / "candidates" / candidate


def remove(context: NightContext) -> None:
    """Remove the plans and candidate files of a night."""
    candidate_store.remove(_folder(context.case.name, str(context.night), context.settings))


def _plan_path(use_case: str, night: str, digest: str, settings: Settings) -> Path:
    return _folder(use_case, night, settings) / digest[:_SHORT] / "plan"


def _folder(use_case: str, night: str, settings: Settings) -> Path:
    return settings.candidate_files / use_case / night
