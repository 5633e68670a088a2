"""Sixty nights with a prune now and then: what a home holds stays flat, and what people do later still works."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from include import usecases
from include.settings import Settings
from include.steps import ingest, prune, release, train
from include.steps.features import build
from include.steps.score import score
from include.stores.files import object_trees
from ml.usecase import Retention, UseCase
from ml.usecase.periods import Period

WEEK = 7
HISTORY = Period(date(2018, 1, 1), date(2018, 12, 1))


def test_x(home: Settings, gym: UseCase, monkeypatch: pytest.MonkeyPatch) -> None:
    short = replace(
        gym,
        retention=Retention(
            landing=20, rows=25, scores=20, metrics=20, versions=7, predictions=20, reports=14, candidates=7
        ),
    )
    by_name = usecases.get
    monkeypatch.setattr(usecases, "get", lambda name: short if name == "gym" else by_name(name))
    import time

    t = time.process_time()
    ingest.ingest("gym", str(HISTORY))
    build.build("gym", str(HISTORY))
    print("built", time.process_time() - t)
    assert train.train("gym", "2018-12-01", train.BOOTSTRAP)
    release.run_acceptance_tests("gym", "2018-12-01")
    for who in (("tech_lead", "tess"), ("business_owner", "bob")):
        release.approve("gym", "2018-12-01", *who, "Approve")
    release.promote("gym", "2018-12-01")
    print("first", time.process_time() - t)
    for number in range(1, 61):
        night = gym.horizon.previous(HISTORY.last, -number)
        t = time.process_time()
        ingest.ingest("gym", str(night))
        t1 = time.process_time()
        build.build("gym", str(night))
        t2 = time.process_time()
        score.score("gym", str(night))
        t3 = time.process_time()
        if number % WEEK == 0:
            plans = prune.prune("gym", now=datetime.now(UTC), safety_hours=0)
            sz = object_trees.sizes(home.home)
            by: dict[str, int] = {}
            for k, v in sz.items():
                top = "/".join(k.split("/")[:3]) if k.startswith("lake") else k.split("/")[0]
                by[top] = by.get(top, 0) + v
            print(
                number,
                round(t1 - t, 2),
                round(t2 - t1, 2),
                round(t3 - t2, 2),
                round(time.process_time() - t3, 2),
                sum(sz.values()),
                by,
            )
            print({p.part: (p.removed_count, p.removed_bytes, dict(p.kept)) for p in plans})
