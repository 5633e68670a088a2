"""A home in which the toy with a live horizon has a champion at each horizon and two nights; the first one is served."""

import shutil
from pathlib import Path

import pytest

from include import usecases
from include.settings import load_settings
from include.steps import ingest, release, train
from include.steps.features import build, materialize
from include.steps.score import score
from tests import in_process

USE_CASE, LAST, NIGHT, FOLLOWING = "taxi", "2024-03-16", "2024-03-17", "2024-03-18"


def make(prepared_home: Path, folder: Path) -> None:
    """Make the home in `folder`; takes about ten seconds. The toy use cases must be available."""
    shutil.copytree(prepared_home, folder)
    with pytest.MonkeyPatch.context() as patch, in_process.probing():
        patch.setenv("RATCHET_HOME", str(folder))
        load_settings.cache_clear()
        case = usecases.get(USE_CASE)
        for period in (case.demo.history, NIGHT, FOLLOWING):
            ingest.ingest(USE_CASE, period)
            build.build(USE_CASE, period)
        for model in case.models:
            train.train(model.name, LAST, train.BOOTSTRAP)
            release.run_acceptance_tests(model.name, LAST)
            promote(model.name, LAST)
        score.score(USE_CASE, NIGHT)
        materialize.apply(USE_CASE)
        materialize.materialize(USE_CASE, NIGHT)
    load_settings.cache_clear()


def promote(model: str, night: str) -> str:
    """Approve and promote the challenger of `night`, and return its digest."""
    for role in usecases.get(model).release.approvers:
        release.approve(model, night, role, role, "Approve")
    return release.promote(model, night)
