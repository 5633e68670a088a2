"""The shipped DAGs under a real scheduler: the clock, a person, two approvers, and somebody who cheats."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from include import ports, usecases
from include.platform.local import processes
from include.platform.local.airflow_client import Client, PendingApproval, Run
from include.platform.local.processes import LocalStack
from include.settings import Settings, load_settings
from include.steps.context import StepContext
from include.steps.features import build
from include.steps.ingest import intraday, nightly
from include.stores import lake, ledger, routing_store, warehouse
from ml.errors import RequestError
from ml.governance import ledger_entries
from ml.governance.ledger_entries import Aborted, EntryKind, LabelBatchDecided, TrafficShifted
from ml.ingestion.availability import KNOWN_AT
from ml.rollout.routing import Routing
from ml.usecase import periods
from tests import stacks
from tests.challenger import challenge
from tests.otlp import Collector, collecting
from tests.waiting import eventually
from tests.webhook import Hook, listening

# MLflow and Airflow warn of their own future; what our code warns of is caught where it is tested alone.
pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800), pytest.mark.filterwarnings("default")]

CASE = usecases.get("flights")
LIVE = CASE.at("live")
HISTORY = CASE.demo.history
LAST = str(periods.parse(HISTORY).last)
NIGHT = str(periods.parse(CASE.demo.nights).first)
FOLLOWING = str(CASE.schedule.previous(periods.parse(NIGHT).last, -1))
COVERED = str(CASE.schedule.previous(periods.parse(FOLLOWING).last, -1))
OF_A_NIGHT = ("ingest", "quarantine", "score", "monitor", "train", "release", "canary", "rollback")
STAGES = (*OF_A_NIGHT, "standing_approval", "label_trigger", "late_labels", "backtest", "rescore", "intraday")


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    """Where messages of the stack go."""
    with listening() as hook:
        yield hook


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Where Airflow's own metrics go."""
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, hook: Hook, collector: Collector) -> Iterator[Settings]:
    """The settings of a stack with a home and a port of its own, where a run is late after seconds, and metrics are told."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__METRICS__OTEL_ON", "True")
        patch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        patch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", collector.url)
        patch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "5000")
        patch.setenv(
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD", "12"
        )  # how long a dead one keeps its triggers
        patch.setenv("RATCHET_LATE_HOURS", "0.003")
        patch.setenv("RATCHET_NOTIFY_URLS", hook.url)
        patch.setenv("RATCHET_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("RATCHET_AIRFLOW_PORT", str(ports.free_port("127.0.0.1")))
        yield load_settings.__wrapped__()


@pytest.fixture(scope="module")
def stack(settings: Settings) -> Iterator[LocalStack]:
    """A stack of its own, ended afterwards."""
    stack = processes.start(settings)
    try:
        stack.wait_until_healthy()
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def admin(settings: Settings, stack: LocalStack) -> Iterator[Client]:
    """A session of the administrator with a stack in which everything is started."""
    with Client(settings) as client:
        wanted = {f"{CASE.name}_{stage}" for stage in STAGES}
        eventually(lambda: wanted <= set(client.dags()) or None)
        for dag in wanted:
            client.pause(dag, paused=False)
        yield client


def ended(client: Client, stage: str, key: str, model: str = CASE.name) -> Run:
    """Return the stage's run of that key, once it ended."""

    def look() -> Run | None:
        run = client.find_run(f"{model}_{stage}", key)
        return run if run is not None and run.ended else None

    return eventually(look)


def ended_run(client: Client, stage: str, name: str) -> Run:
    """Return the stage's run of that id, once it ended."""
    dag = f"{CASE.name}_{stage}"
    return eventually(lambda: next((each for each in client.runs(dag) if each.id == name and each.ended), None))


def states(client: Client, run: Run) -> dict[str, str | None]:
    return {task.task: task.state for task in client.tasks(run)}


def champion(settings: Settings) -> str | None:
    entry = ledger.champion(warehouse.engine(settings.warehouse_url), CASE.name)
    return None if entry is None else entry.subject


def test_unpausing_starts_nothing_and_at_the_hour_the_timetable_starts_its_night(
    admin: Client, settings: Settings
) -> None:
    ingest = f"{CASE.name}_ingest"
    time.sleep(3)
    assert list(admin.runs(ingest)) == []
    latest = CASE.schedule.latest_decided(datetime.now(UTC))
    run = let_the_clock_strike(admin, settings, next_dagrun_partition_key=str(latest))
    assert run.key == str(latest)
    assert ended(admin, "ingest", run.key).state == "success"
    assert states(admin, ended(admin, "score", run.key)) == {"score": "skipped"}


def let_the_clock_strike(client: Client, settings: Settings, **columns: str) -> Run:
    """Let the next scheduled run of `ingest` be due now, with other values of some columns; return it once it began.

    Whenever Airflow parses the DAG again, it writes the same row, so it is made due until there is one run more.
    """
    dag = f"{CASE.name}_ingest"
    assignments = ", ".join(
        ["next_dagrun_create_after = datetime('now', '-1 minute')", *(f"{n} = :{n}" for n in columns)]
    )
    scheduled = "(SELECT count(*) FROM dag_run WHERE dag_id = :dag AND run_type = 'scheduled')"
    before = {each.id for each in client.runs(dag)}

    def begun() -> Run | None:
        new = (each for each in client.runs(dag) if each.id not in before and each.id.startswith("scheduled__"))
        run = next(new, None)
        if run is None:
            make_due()
        return run

    def make_due() -> None:
        count = sum(each.startswith("scheduled__") for each in before)
        with sqlite3.connect(settings.airflow_home / "airflow.db", timeout=30) as database:
            statement = f"UPDATE dag SET {assignments} WHERE dag_id = :dag AND {scheduled} = :count"
            database.execute(statement, columns | {"dag": dag, "count": count})

    return eventually(begun, pause=2.0)


def test_an_unknown_field_is_refused_at_once_and_by_name(admin: Client) -> None:
    admin.trigger(f"{CASE.name}_ingest", run="typo", conf={"nigth": NIGHT})
    run = ended_run(admin, "ingest", "typo")
    task = next(task for task in admin.tasks(run) if task.task == "ingest")
    assert (run.state, task.tries) == ("failed", 1)
    assert "got nigth: leave that out" in admin.last_error(task)
    admin.clear(run)  # before it is late: Airflow's own reference for deadlines fails here
    eventually(lambda: next((each for each in admin.tasks(run) if each.task == "ingest" and each.tries > 1), None))


def test_a_history_of_many_nights_is_asked_for_by_its_window(admin: Client) -> None:
    admin.trigger(f"{CASE.name}_ingest", run="history", conf={"window": HISTORY})
    assert states(admin, ended(admin, "score", HISTORY)) == {"score": "skipped"}


def test_a_first_model_is_trained_and_asks_two_people(admin: Client) -> None:
    admin.trigger(f"{CASE.name}_train", run="first", key=LAST, conf={"reason": "bootstrap"})
    trained = ended(admin, "train", LAST)
    assert trained.state == "success"
    path = f"dags/{trained.dag}/dagRuns/{trained.id}/taskInstances"
    tasks = admin.request("GET", path).json()["task_instances"]
    fits = sorted((each for each in tasks if each["task_id"] == "fit"), key=lambda each: each["start_date"])
    assert {each["rendered_map_index"] for each in fits} == {each.name for each in CASE.candidates}
    assert fits[1]["start_date"] < fits[0]["end_date"], "they did not run side by side"

    def asked() -> Run | None:
        run = admin.find_run(f"{CASE.name}_release", LAST)
        return run if run is not None and len(admin.approvals(run)) == 2 else None

    questions = admin.approvals(eventually(asked))
    assert {question.users for question in questions} == {(role,) for role in CASE.release.approvers}


def test_nobody_can_answer_for_somebody_else(admin: Client, settings: Settings) -> None:
    run = admin.find_run(f"{CASE.name}_release", LAST)
    assert run is not None
    question = next(q for q in admin.approvals(run) if q.users == ("tech_lead",))
    with pytest.raises(RequestError, match="403"):
        admin.answer(question, "Approve")
    with Client(settings, "business_owner") as other, pytest.raises(RequestError, match="403"):
        other.answer(question, "Approve")


def test_a_forged_approval_promotes_nothing(admin: Client, settings: Settings) -> None:
    run = admin.find_run(f"{CASE.name}_release", LAST)
    assert run is not None
    for question in admin.approvals(run):
        path = f"dags/{run.dag}/dagRuns/{run.id}/taskInstances/{question.task}"
        admin.request("PATCH", path, json={"new_state": "success"})
    run = ended(admin, "release", LAST)
    promote = next(task for task in admin.tasks(run) if task.task == "promote")
    assert (run.state, promote.state, promote.tries) == ("failed", "failed", 1)
    assert "ApprovalError" in admin.last_error(promote)
    assert champion(settings) is None


def test_two_real_approvals_promote(admin: Client, settings: Settings) -> None:
    run = admin.find_run(f"{CASE.name}_release", LAST)
    assert run is not None
    tasks = [f"approval_of_{role}" for role in CASE.release.approvers]
    body = {"dry_run": False, "only_failed": False, "dag_run_id": run.id, "task_ids": tasks, "include_downstream": True}
    admin.request("POST", f"dags/{run.dag}/clearTaskInstances", json=body)
    for role in CASE.release.approvers:
        with Client(settings, role) as person:
            question = eventually(lambda: next((q for q in person.approvals(run) if q.users == (role,)), None))  # noqa: B023
            person.answer(question, "Approve")
    assert ended(admin, "release", LAST).state == "success"
    assert champion(settings) is not None


def test_a_night_that_a_person_asks_for_is_scored_and_monitored_under_its_key(admin: Client) -> None:
    admin.trigger(f"{CASE.name}_ingest", run="by_a_person", conf={"night": NIGHT})
    assert states(admin, ended(admin, "score", NIGHT)) == {"score": "success"}
    assert states(admin, ended(admin, "monitor", NIGHT)) == {"measure": "success", "request_retraining": "skipped"}


def night() -> date:
    return periods.parse(NIGHT).first


def held(settings: Settings) -> int:
    files = warehouse.files(warehouse.engine(settings.warehouse_url), CASE.name, NIGHT)
    return sum(each.rows_quarantined for each in files)


def test_after_a_fix_a_person_has_the_quarantine_judged_again_and_scores_stay(
    admin: Client, settings: Settings
) -> None:
    landed = Path(settings.landing) / CASE.name / NIGHT / f"{CASE.tables[0].name}.csv"
    good, issued = landed.read_text(), warehouse.scores(warehouse.engine(settings.warehouse_url), CASE.name, night())
    header, first, *rest = good.splitlines(keepends=True)
    landed.write_text("".join([header, "x" + first, *rest]))
    admin.trigger(f"{CASE.name}_ingest", run="spoiled", conf={"night": NIGHT})
    ended_run(admin, "ingest", "spoiled")
    assert held(settings) == 1
    landed.write_text(good)
    admin.trigger(f"{CASE.name}_quarantine", run="mended", conf={"night": NIGHT})
    run = ended_run(admin, "quarantine", "mended")
    assert (run.state, held(settings)) == ("success", 0)
    scores = warehouse.scores(warehouse.engine(settings.warehouse_url), CASE.name, night())
    pd.testing.assert_frame_equal(scores, issued)


def test_a_challenger_is_a_shadow_first_then_two_people_are_asked_and_it_gets_a_share(
    admin: Client, settings: Settings
) -> None:
    before, digest = champion(settings), challenge(CASE, NIGHT, settings)
    admin.trigger(f"{CASE.name}_release", run="challenged", key=NIGHT)
    run = ended_run(admin, "release", "challenged")
    assert states(admin, run)["approval_of_tech_lead"] == "skipped"
    admin.trigger(f"{CASE.name}_ingest", run="shadowed", conf={"night": FOLLOWING})
    judged = ended(admin, "canary", FOLLOWING)
    assert states(admin, judged) == {
        "judge": "success",
        "request_approvals": "success",
        "release_undecided": "skipped",
        "announce_champion": "skipped",
    }
    for role in CASE.release.approvers:
        with Client(settings, role) as person:
            person.answer(eventually(lambda: find_question(person, "release", role)), "Approve")  # noqa: B023
    routing = eventually(lambda: shared(settings))
    assert (routing.champion, routing.challenger, routing.canary) == (before, digest, CASE.release.shares[0])
    assert champion(settings) == before


def find_question(person: Client, stage: str, role: str, model: str = CASE.name) -> PendingApproval | None:
    """Return the question of a stage that waits for `role`, once it is put."""
    runs = [each for each in person.runs(f"{model}_{stage}") if not each.ended]
    return next((q for run in runs for q in person.approvals(run) if q.users == (role,)), None)


def shared(settings: Settings) -> Routing | None:
    """Return the routing once the challenger has a share."""
    result = routing_store.read(routing_store.path_of(settings.routes, CASE.name), settings.trusted_keys)
    return result if result.canary else None


def test_a_person_rolls_back_from_the_form_and_the_ledger_says_who_and_why(admin: Client, settings: Settings) -> None:
    admin.trigger(f"{CASE.name}_rollback", run="back", conf={"why": "customers complain about it"})
    assert ended_run(admin, "rollback", "back").state == "success"
    (entry,) = ledger.entries(warehouse.engine(settings.warehouse_url), CASE.name, EntryKind.ABORTED)
    aborted = ledger_entries.read(entry, Aborted)
    assert (aborted.who, aborted.why) == ("admin", "customers complain about it")
    assert shared(settings) is None


def test_a_refresh_under_a_standing_approval_asks_nobody_and_is_aborted_when_that_is_revoked(
    admin: Client, settings: Settings
) -> None:
    until = datetime.now(UTC).date() + timedelta(days=30)
    admin.trigger(
        f"{CASE.name}_standing_approval",
        run="bounds",
        conf={"until": str(until), "why": "routine refreshes of this recipe"},
    )
    for role in CASE.release.approvers:
        with Client(settings, role) as person:
            question = eventually(lambda: find_question(person, "standing_approval", role))  # noqa: B023
            person.answer(question, "Approve")
    assert ended_run(admin, "standing_approval", "bounds").state == "success"
    before, digest = champion(settings), challenge(CASE, FOLLOWING, settings, rule="refresh", admission="proof")
    admin.trigger(f"{CASE.name}_release", run="covered", key=FOLLOWING)
    ended_run(admin, "release", "covered")
    admin.trigger(f"{CASE.name}_ingest", run="shadowed_again", conf={"night": COVERED})
    routing = eventually(lambda: shared(settings))
    assert (routing.champion, routing.challenger, routing.canary) == (before, digest, CASE.release.shares[0])
    (proposed,) = ledger.entries(warehouse.engine(settings.warehouse_url), CASE.name, EntryKind.STANDING_PROPOSED)
    shifts = ledger.entries(warehouse.engine(settings.warehouse_url), CASE.name, EntryKind.TRAFFIC_SHIFTED)
    assert ledger_entries.read(shifts[-1], TrafficShifted).standing == proposed.digest
    conf = {"revoke": True, "why": "the recipe is under review"}
    admin.trigger(f"{CASE.name}_standing_approval", run="revocation", conf=conf)
    assert ended_run(admin, "standing_approval", "revocation").state == "success"
    assert shared(settings) is None
    assert champion(settings) == before


def test_labels_that_land_while_the_triggerer_is_killed_are_taken_and_answered_for_once_it_is_back(
    admin: Client, stack: LocalStack, settings: Settings
) -> None:
    engine, landed = warehouse.engine(settings.warehouse_url), Path(settings.landing) / CASE.name / NIGHT
    assert not ledger.entries(engine, CASE.name, EntryKind.LABEL_BATCH_DECIDED)
    stacks.kill(stack, "triggerer")
    corrected = spoil_a_day(landed / f"{CASE.task.table}.csv", landed / f"{CASE.task.table}.late.csv")
    record_a_batch(settings)
    before = warehouse.labels(engine, CASE.name, CASE.schedule.cutoff(night()))["label"].sum()
    stacks.start(stack, "triggerer")
    decided, taken = (eventually(lambda stage=stage: only(admin, stage)) for stage in ("label_trigger", "late_labels"))
    assert [states(admin, run) for run in (decided, taken)] == [
        {
            "decide": "success",
            "is_requested": "success",
            "request_retraining": states(admin, decided)["request_retraining"],
        },
        {
            "ingest": "success",
            "send_alerts": "success",
            "find_unscored": "success",
            "score_new_entities": "skipped",
        },
    ]
    (entry,) = ledger.entries(engine, CASE.name, EntryKind.LABEL_BATCH_DECIDED)
    assert ledger_entries.read(entry, LabelBatchDecided).labels == warehouse.count_labels(engine, CASE.name)
    after = warehouse.labels(engine, CASE.name, CASE.schedule.cutoff(night()))["label"].sum()
    assert (corrected, after) == (corrected, before + corrected)


def spoil_a_day(file: Path, late: Path) -> int:
    """Let ten answers that were no become yes, by another part of the label file, and return how many these are."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    on_time = rows[pd.to_numeric(rows["arrival_delay_minutes"]) < 0].head(
        10
    )  # without an arrival a flight was diverted
    on_time.assign(arrival_hhmm="", arrival_delay_minutes="").to_csv(late, index=False)
    return len(on_time)


def record_a_batch(settings: Settings) -> None:
    """Let two months of labels be there at once."""
    batch = CASE.triggers.label_batch
    assert batch is not None
    of = {"entity": [f"late-{place}" for place in range(batch)], "night": periods.parse(LAST).last, "label": 0.0}
    landed = periods.parse(FOLLOWING).last  # those of the night that is taken again would go, since no file has them
    came = pd.DataFrame({**of, "known_at": CASE.schedule.cutoff(night()), "landed": landed})
    warehouse.record_labels(warehouse.engine(settings.warehouse_url), CASE.name, came)


def only(client: Client, stage: str) -> Run | None:
    """Return the one run of a stage, once it ended."""
    runs = list(client.runs(f"{CASE.name}_{stage}"))
    assert len(runs) <= 1
    return next((run for run in runs if run.ended), None)


def test_the_live_horizon_has_a_model_of_its_own_that_scores_a_night_once_the_next_has_landed(
    admin: Client, settings: Settings
) -> None:
    live, engine, before = LIVE.name, warehouse.engine(settings.warehouse_url), champion(settings)
    for stage in ("train", "release", "score", "monitor"):
        admin.pause(f"{live}_{stage}", paused=False)
    admin.trigger(f"{live}_train", run="first", key=LAST, conf={"reason": "bootstrap"})
    assert ended(admin, "train", LAST, live).state == "success"
    for role in LIVE.release.approvers:
        with Client(settings, role) as person:
            person.answer(eventually(lambda: find_question(person, "release", role, live)), "Approve")  # noqa: B023
    assert ended(admin, "release", LAST, live).state == "success"
    promoted = ledger.champion(engine, live)
    assert promoted is not None
    assert (promoted.subject, champion(settings)) == (promoted.subject, before)

    landed = str(CASE.schedule.previous(periods.parse(COVERED).last, -1))
    admin.trigger(f"{CASE.name}_ingest", run="after_the_live_night", conf={"night": landed})
    assert ended(admin, "score", landed, live).state == "success"
    # In this home a night of today has landed, so that the night that has just landed is complete, too.
    complete = build.complete_nights(StepContext(case=LIVE, settings=settings), periods.parse(landed))
    assert complete is not None
    assert ended(admin, "monitor", str(complete), live).state == "success"
    for each in CASE.schedule.nights(complete):
        assert set(warehouse.scores(engine, live, each)["model_digest"]) == {promoted.subject}
    assert warehouse.scores(engine, live, CASE.schedule.previous(complete.first)).empty


MOMENT = f"{NIGHT}T18:00:00Z"
FORMS = {
    "backtest": {"first": NIGHT, "last": FOLLOWING, "policies": "never", "gate": False, "sensitivity": False},
    "rescore": {"first_night": NIGHT, "last_night": FOLLOWING, "package": "champion", "why": "to compare both nights"},
    "intraday": {"moment": MOMENT},
}


def test_a_person_asks_by_their_forms_for_a_replay_a_rescore_and_a_moment(admin: Client, settings: Settings) -> None:
    for stage, form in FORMS.items():
        admin.trigger(f"{CASE.name}_{stage}", run="asked", conf=form)

    def done() -> dict[str, str] | None:
        runs = {stage: next(r for r in admin.runs(f"{CASE.name}_{stage}") if r.id == "asked") for stage in FORMS}
        return {stage: run.state for stage, run in runs.items()} if all(run.ended for run in runs.values()) else None

    assert eventually(done) == dict.fromkeys(FORMS, "success")
    (page,) = Path(settings.reports).glob(f"**/backtests/{CASE.name}/{NIGHT}..{FOLLOWING}/index.html")
    assert "never" in page.read_text()
    digest = champion(settings)
    again = lake.read(lake.address(settings.lake, CASE.name, "rescores", str(digest)[:12]))
    engine = warehouse.engine(settings.warehouse_url)
    issued = [warehouse.scores(engine, CASE.name, each) for each in periods.parse(f"{NIGHT}..{FOLLOWING}")]
    assert len(again) >= sum(map(len, issued)) > 0
    known = lake.read(lake.address(settings.lake, CASE.name, intraday.STAGE, CASE.task.table), FOLLOWING, FOLLOWING)
    assert len(known) > 0
    assert known[KNOWN_AT].max() <= pd.Timestamp(MOMENT)


def test_each_batch_and_each_late_file_was_told_once(admin: Client) -> None:
    for stage in ("label_trigger", "late_labels"):
        assert only(admin, stage) is not None


def test_what_tasks_took_is_in_the_warehouse_under_their_night(admin: Client, settings: Settings) -> None:
    kept = warehouse.metrics(
        warehouse.engine(settings.warehouse_url), CASE.name, night(), night(), metric=warehouse.TASK_SECONDS
    )
    assert {"task=ingest.ingest", "task=score.score", "task=monitor.measure"} <= {each.slice for each in kept}
    assert all(each.value is not None and 0 < each.value < 600 and each.n >= 1 for each in kept)


def test_airflow_tells_its_own_metrics_to_a_collector(admin: Client, collector: Collector) -> None:
    wanted = {"airflow.scheduler_heartbeat", "airflow.task.duration", "airflow.dagrun.duration.success"}
    eventually(lambda: wanted <= collector.names or None, 30)


def test_whoever_is_named_heard_what_failed_and_what_was_late(admin: Client, hook: Hook) -> None:
    def titles() -> list[str]:
        return [each["title"] for each in hook.messages]

    rescore = f"{CASE.name}_rescore"
    admin.pause(rescore, paused=True)  # so that its run waits past the deadline on a fast machine too
    admin.trigger(rescore, run="waiting", conf=FORMS["rescore"])
    eventually(lambda: f"{rescore} is late" in titles() or None)
    admin.pause(rescore, paused=False)
    assert ended_run(admin, "rescore", "waiting").state == "success"
    assert f"{CASE.name}_ingest.ingest failed" in titles()
    assert f"{CASE.name}_release is late" not in titles()


def test_the_next_scheduled_night_first_makes_up_for_the_night_that_was_missed(
    admin: Client, settings: Settings
) -> None:
    latest = CASE.schedule.latest_decided(datetime.now(UTC))
    missed, earlier = (str(CASE.schedule.previous(latest, count)) for count in (1, 2))
    admin.trigger(f"{CASE.name}_ingest", run="before_the_pause", conf={"night": earlier})
    ended(admin, "score", earlier)
    begun = let_the_clock_strike(admin, settings)
    run = ended_run(admin, "ingest", begun.id)
    assert (run.state, states(admin, run)["make_up"]) == ("success", "success")
    assert missed in warehouse.ingested_periods(warehouse.engine(settings.warehouse_url), CASE.name)
    assert ended(admin, "score", missed).state == "success"


DISTURBED = str(CASE.schedule.previous(periods.parse(COVERED).last, -2))


@pytest.mark.slow
def test_a_night_whose_scheduler_is_killed_in_its_middle_ends_as_if_it_had_not_been(
    admin: Client, stack: LocalStack, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(settings.home, tmp_path / "home", ignore=shutil.ignore_patterns("airflow", "logs"))
    run = admin.trigger(f"{CASE.name}_ingest", run="disturbed", conf={"night": DISTURBED})
    eventually(lambda: next((task for task in admin.tasks(run) if task.state == "running"), None))
    stacks.kill(stack, "scheduler")
    stacks.start(stack, "scheduler")
    began = time.monotonic()
    run = eventually(lambda: next((r for r in admin.runs(run.dag) if r.id == run.id and r.ended), None), 600)
    print(f"{run.state} {time.monotonic() - began:.0f} s after the scheduler was killed")  # noqa: T201 - what it is run for
    assert (run.state, {*states(admin, run).values()} - {"skipped"}) == ("success", {"success"})
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path / "home"))
    load_settings.cache_clear()
    undisturbed = load_settings()
    nightly.run(CASE.name, DISTURBED)
    load_settings.cache_clear()
    assert stacks.left(undisturbed, DISTURBED) == stacks.left(settings, DISTURBED)
