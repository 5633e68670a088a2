"""The environment of Airflow's processes: ours alone, on this machine alone."""

import os

import pytest
import yaml

from include.platform.local import airflow_objects, environment
from include.platform.local.environment import AirflowSecrets
from include.settings import Settings

KEYS = AirflowSecrets(jwt="j", api="a", fernet="f")


def test_everything_listens_and_reports_on_this_machine_only(settings: Settings) -> None:
    env = environment.airflow(settings, KEYS, task_port=4321)
    assert env["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:4321/execution/"
    assert "127.0.0.1" in env["NO_PROXY"].split(",")


def test_bytecode_is_cached_whatever_the_caller_says(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in environment.airflow(settings, KEYS, task_port=1)


@pytest.mark.parametrize(("schedules", "switch"), [(True, "on"), (False, "off")])
def test_a_rehearsal_switches_the_clock_off(settings: Settings, schedules: bool, switch: str) -> None:
    assert environment.airflow(settings, KEYS, task_port=1, schedules=schedules)["RATCHET_SCHEDULES"] == switch


def test_our_own_code_is_never_preloaded_so_that_an_edit_is_seen_by_the_next_task() -> None:
    assert [name for name in environment.PRELOADED if name.split(".")[0] in ("ml", "include", "ratchet")] == []


def test_threads_that_wait_for_a_core_do_not_spin(settings: Settings) -> None:
    assert environment.child_environment(settings)["OMP_WAIT_POLICY"] == "PASSIVE"


def test_candidates_fitted_side_by_side_share_the_cores(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RATCHET_THREADS", raising=False)
    (slots,) = [
        pool["pool_slot"]
        for pool in yaml.safe_load(airflow_objects.FILE.read_text())["airflow"]["pools"]
        if pool["pool_name"] == "training"
    ]
    assert environment.airflow(settings, KEYS, task_port=1)["RATCHET_THREADS"] == str(
        max(1, (os.cpu_count() or 1) // slots)
    )
    monkeypatch.setenv("RATCHET_THREADS", "7")
    assert environment.airflow(settings, KEYS, task_port=1)["RATCHET_THREADS"] == "7"
