"""Candidates fitted side by side, by tasks that are killed, repeated or doubled, end as candidates fitted in one process."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from include import provenance, usecases
from include.plotting import training_plots
from include.settings import PROJECT, Settings
from include.steps import train
from include.steps.context import NightContext
from include.steps.train import plan as plans
from include.steps.train.plan import Plan
from include.stores import candidate_store, lake, packages
from ml.errors import CandidateFilesError, RequestError
from ml.governance.ledger_entries import Verdict
from ml.packaging import package_files
from ml.usecase import Logistic, Tuning, UseCase, periods
from tests import recorded
from tests.conftest import TOYS
from tests.include.steps.conftest import LAST, WRITES, contents, enter
from tests.killing import Killed, killed_after

Arrive = Callable[[str], Settings]
WHEN = periods.parse(LAST).last


def prepared() -> list[train.FitTask]:
    return train.prepare("taxi", LAST, train.BOOTSTRAP)


def fit(each: train.FitTask) -> None:
    train.fit("taxi", LAST, each["plan"], each["candidate"])


def planned(settings: Settings, case: UseCase) -> Plan:
    """Return the plan of the training that is on its way."""
    (each, *_) = prepared()
    return plans.get(NightContext(case=case, night=WHEN, settings=settings), each["plan"])


def judged(settings: Settings) -> Verdict:
    """Return the only verdict."""
    (verdict,) = recorded.verdicts(settings)
    return verdict


def run_by(program: str, settings: Settings, *more: str) -> "subprocess.Popen[bytes]":
    """Start another process that knows the toys, as a task is one; it tries packages in itself."""
    begin = "import sys; from include import usecases; usecases.__path__.append(sys.argv[1])\n"
    begin += "from include.steps import train; from tests import in_process\n"
    begin += "probing = in_process.probing(); probing.__enter__()\n"
    env = {**os.environ, "RATCHET_HOME": str(settings.home), "PYTHONPATH": str(PROJECT)}
    return subprocess.Popen([sys.executable, "-c", begin + program, str(TOYS), LAST, *more], env=env)


def test_tasks_of_their_own_end_as_one_process_does_in_any_order_and_leave_no_drafts(arrive: Arrive) -> None:
    together = arrive("train")
    assert train.train("taxi", LAST, train.BOOTSTRAP)
    expected = contents(together)
    apart = arrive("train")
    asked = prepared()
    assert [each["candidate"] for each in asked] == ["logistic", "gradient_boosting"]
    program = "train.fit('taxi', sys.argv[2], *sys.argv[3:])"
    tasks = [run_by(program, apart, each["plan"], each["candidate"]) for each in reversed(asked)]
    assert [task.wait() for task in tasks] == [0, 0]
    assert train.judge("taxi", LAST, asked)
    assert contents(apart) == expected
    assert expected["drafts"] == []


def test_what_is_written_meanwhile_is_not_read(arrive: Arrive, taxi: UseCase) -> None:
    undisturbed = arrive("train")
    train.train("taxi", LAST, train.BOOTSTRAP)
    disturbed = arrive("train")
    asked = prepared()
    for table in ("rides", "bookings", "traffic"):
        address = lake.address(disturbed.lake, "taxi", "valid", table)
        lake.replace(address, periods.parse("2024-03-10"), lake.read(address, "2024-03-10", "2024-03-10").head(3))
    for each in asked:
        fit(each)
    train.judge("taxi", LAST, asked)
    assert judged(disturbed).package == judged(undisturbed).package
    assert judged(disturbed).table_versions == judged(undisturbed).table_versions


@pytest.mark.parametrize("part", ["prepare", "fit", "judge"])
def test_a_part_killed_after_any_of_its_writes_is_mended_by_running_it_again(
    arrive: Arrive, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """One picture stands for all that a training draws: each would be a write of the same kind."""
    monkeypatch.setattr(training_plots, "draw", lambda *_: {"slices": "<svg/>"})
    master = arrive("train").home
    asked = prepared()
    run: dict[str, Callable[[], object]] = {
        "prepare": prepared,
        "fit": lambda: fit(asked[0]),
        "judge": lambda: train.judge("taxi", LAST, asked),
    }
    if part == "prepare":
        shutil.rmtree(master / "candidate_files")
    if part == "judge":
        for each in asked:
            fit(each)

    def again(name: str) -> Settings:
        return enter(shutil.copytree(master, master.with_name(f"{master.name}-{name}")))

    undisturbed = again("undisturbed")
    with killed_after(0, WRITES) as writes:
        run[part]()
    train.train("taxi", LAST, train.BOOTSTRAP)
    expected = contents(undisturbed)
    assert writes
    for number, name in enumerate(writes, start=1):
        settings = again(str(number))
        with killed_after(number, WRITES), pytest.raises(Killed):
            run[part]()
        run[part]()
        train.train("taxi", LAST, train.BOOTSTRAP)
        assert contents(settings) == expected, f"killed after write {number}, {name}"


def test_two_tasks_of_one_candidate_at_once_search_once_and_leave_one_draft(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = replace(taxi, candidates=(Logistic(strength=1e-5),), tuning=Tuning(trials=6))
    monkeypatch.setattr(usecases, "get", lambda name: case)
    alone = arrive("train")
    train.train("taxi", LAST, train.BOOTSTRAP)
    settings = arrive("train")
    asked = prepared()
    declared = (
        "from dataclasses import replace; from ml.usecase import Logistic, Tuning\n"
        "case = replace(usecases.get('taxi'), candidates=(Logistic(strength=1e-5),), tuning=Tuning(trials=6))\n"
        "usecases.get = lambda name: case\n"
    )
    program = f"{declared}train.fit('taxi', sys.argv[2], *sys.argv[3:])"
    twins = [run_by(program, settings, asked[0]["plan"], "logistic") for _ in range(2)]
    assert [twin.wait() for twin in twins] == [0, 0]
    train.judge("taxi", LAST, asked)
    assert judged(settings).package == judged(alone).package
    assert contents(settings) == contents(alone)


def test_a_torn_draft_stops_the_judge_and_its_task_run_again_mends_it(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("train")
    asked = prepared()
    for each in asked:
        fit(each)
    place = plans.candidate_path(planned(settings, taxi), "logistic", settings)
    (place / "fold-2.txt").write_bytes(b"{")
    with pytest.raises(
        CandidateFilesError, match=r"logistic, but 'fold-2.txt' differs from the file that was written: clear the task"
    ):
        train.judge("taxi", LAST, asked)
    assert recorded.verdicts(settings) == ()
    fit(asked[0])
    assert train.judge("taxi", LAST, asked)


def test_a_candidate_that_was_not_fitted_stops_the_judge(arrive: Arrive) -> None:
    arrive("train")
    asked = prepared()
    fit(asked[1])
    with pytest.raises(CandidateFilesError, match="logistic, but there are none: clear the task that writes them"):
        train.judge("taxi", LAST, asked)


def test_a_task_that_comes_late_changes_nothing(arrive: Arrive) -> None:
    settings = arrive("train")
    asked = prepared()
    for each in asked:
        fit(each)
    assert train.judge("taxi", LAST, asked)
    left = contents(settings)
    assert prepared() == []
    fit(asked[0])
    assert train.judge("taxi", LAST, asked)
    assert train.judge("taxi", LAST, [])
    assert contents(settings) == left


@pytest.mark.parametrize("changed", ["the use case", "the code"])
def test_what_changed_meanwhile_is_not_trained_in_two_minds(
    arrive: Arrive, taxi: UseCase, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    arrive("train")
    asked = prepared()
    fit(asked[0])
    if changed == "the use case":
        monkeypatch.setattr(usecases, "get", lambda name: replace(taxi, question="Another?"))
    else:
        monkeypatch.setattr(provenance, "code_version", lambda: "a later commit")
    for part in (lambda: fit(asked[1]), lambda: train.judge("taxi", LAST, asked)):
        with pytest.raises(RequestError, match="were changed since: clear its run from its first task, `prepare`"):
            part()


def test_a_candidate_that_is_not_declared_is_refused(arrive: Arrive) -> None:
    arrive("train")
    (each, *_) = prepared()
    with pytest.raises(RequestError, match=r"one of \['logistic', 'gradient_boosting'\], got 'oracle'"):
        train.fit("taxi", LAST, each["plan"], "oracle")


def test_the_log_tells_of_each_fold_and_what_answering_takes(arrive: Arrive, caplog: pytest.LogCaptureFixture) -> None:
    arrive("train")
    (each, *_) = prepared()
    with caplog.at_level("INFO"):
        fit(each)
    reported = [record.getMessage() for record in caplog.records if record.name.endswith("candidates")]
    assert reported[1:4] == [f"fitting logistic: fold {fold} of 3" for fold in (1, 2, 3)]
    assert "MB packed and" in reported[-1]


def test_drafts_of_other_nights_stay(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("train")
    other = settings.candidate_files / "taxi" / "2024-03-12" / "logistic"
    candidate_store.put(other, {"a": b"1"})
    train.train("taxi", LAST, train.BOOTSTRAP)
    assert candidate_store.get(other) == {"a": b"1"}
    assert [path.name for path in Path(settings.candidate_files / "taxi").iterdir()] == ["2024-03-12"]


def test_the_released_package_is_the_one_that_its_draft_answered_with(arrive: Arrive, taxi: UseCase) -> None:
    settings = arrive("train")
    asked = prepared()
    for each in asked:
        fit(each)
    kept = {
        each.name: candidate_store.get(plans.candidate_path(planned(settings, taxi), each.name, settings))
        for each in taxi.candidates
    }
    train.judge("taxi", LAST, asked)
    files = packages.get(settings.packages, str(judged(settings).package), settings.trusted_keys)
    draft = kept[str(package_files.facts(files)["candidate"])]
    for name in ("learner.txt", "encoder.json", "calibration.json"):
        assert files[name] == draft[name]
