"""A toy of gym members billed monthly: months for nights, a key of one column, no look-ups and no functions.

Its labels come a month or two later, in a file that does not say which month a member was billed for.
"""

from ml.usecase import (
    Binary,
    Column,
    Cost,
    Demo,
    DeterministicLevels,
    Gates,
    GradientBoosting,
    Logistic,
    Milliseconds,
    Night,
    Slice,
    Table,
    Triggers,
    UseCase,
)

USE_CASE = UseCase(
    name="gym",
    question="Will this member renew?",
    task=Binary(label="renewed", table="renewals"),
    entities="members",
    tables=(
        Table(name="members", schema="Member", key=("member",), night="billed_on"),
        Table(name="renewals", schema="Renewal", key=("member",), known_at="decided_at"),
    ),
    horizons=(Night(hour=5, timezone="Europe/Lisbon", every="month"),),
    features=(Column("plan"), Column("visits")),
    candidates=(Logistic(strength=1.0), GradientBoosting(trees=10, leaves=4, rows_per_leaf=20)),
    cost=Cost(act=2, miss=10, averted=0.5),
    latency_budget=Milliseconds(p99=500),
    deterministic_levels=(DeterministicLevels(feature="plan", levels=("trial",), why="a trial cannot be renewed"),),
    slices=(Slice(feature="plan", min_rows=50),),
    refit=None,
    gates=Gates(judged_nights=4),
    triggers=Triggers(
        calibration_gap=None, new_labels=None, age_nights=3, window_nights=3, min_nights=1, cooldown_nights=2
    ),
    demo=Demo(history="2023-01-01..2023-12-01", nights="2024-01-01..2024-05-01"),
)
