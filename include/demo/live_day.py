"""A live day of the demo: intraday runs refresh the snapshots, and a server is asked for each entity at its cutoff.

Entities whose answers are in the prediction log are not asked for again, after an interruption.
"""

from datetime import date

import httpx

from include.demo.airflow import Airflow
from include.serving import child_server
from include.steps.context import StepContext
from include.steps.score import live_traffic, prediction_log
from ml.usecase import Live, UseCase

_SECONDS = 60.0


def play(use_case: UseCase, live: Live, day: date, airflow: Airflow) -> None:
    """Ask for each entity of `day` once the data has reached its cutoff, and log the answers in the lake."""
    settings = airflow.settings
    context = StepContext(case=use_case.at(live.name), settings=settings).at(day)
    due = live_traffic.due_by_moment(live_traffic.cutoffs(context), live.hours)
    prediction_log.collect(context.case.name)
    answered = set(prediction_log.looked_up(context, str(day))["entity"])
    requests_by_moment = {
        moment: left for moment, entities in due if (left := [each for each in entities if each not in answered])
    }
    if not requests_by_moment:
        return
    live_traffic.remove_snapshots_since(context, min(requests_by_moment))
    with (
        child_server.run_server(use_case.name, settings) as server,
        httpx.Client(base_url=server.address, timeout=_SECONDS, trust_env=False) as client,
    ):
        for moment, entities in requests_by_moment.items():
            airflow.refresh_live(moment)
            live_traffic.wait_for_snapshot(client, context.case.name, moment)
            for entity in entities:
                client.post("/score", json={"entities": [entity]}).raise_for_status()
    prediction_log.collect(context.case.name)
