"""Employment in Massachusetts, 2015 to 2018: predict, before the interview, which persons of a panel are at work."""

from ml.usecase import (
    Binary,
    Budget,
    Column,
    Cost,
    Demo,
    DeterministicLevels,
    Directional,
    Drift,
    EdgeCase,
    Excluded,
    Fairness,
    Gates,
    GradientBoosting,
    Invariant,
    Logistic,
    Milliseconds,
    NeuralNet,
    Night,
    Personal,
    Release,
    Slice,
    Table,
    Triggers,
    Tuning,
    UseCase,
)

_WHY = "the survey asks it of everybody; a gate and a report that may not see it cannot say whom the model misses"
_PERSONAL = (
    "sex",
    "race",
    "disability",
    "hearing_difficulty",
    "vision_difficulty",
    "cognitive_difficulty",
    "ancestry",
    "nativity",
    "citizenship",
)

USE_CASE = UseCase(
    name="employment",
    question="Will this person's interview say that they were at work, as a civilian, in the week before?",
    task=Binary(label="is_employed", table="interviews"),
    entities="persons",
    tables=(
        Table(
            name="persons",
            schema="Person",
            key=("person_id",),
            night="panel_month",
            personal=tuple(
                Personal(column=column, may_reach=("features", "reports"), why=_WHY) for column in _PERSONAL
            ),
        ),
        Table(name="interviews", schema="Interview", key=("person_id",), known_at="coded_at"),
    ),
    horizons=(Night(hour=6, timezone="America/New_York", every="month"),),
    features=(
        Column("age_years"),
        Column("education_level"),
        Column("marital_status"),
        Column("relationship"),
        Column("parents_in_labor_force"),
        Column("citizenship"),
        Column("lived_a_year_ago"),
        Column("military_service"),
        Column("ancestry"),
        Column("nativity"),
        Column("disability"),
        Column("hearing_difficulty"),
        Column("vision_difficulty"),
        Column("cognitive_difficulty"),
        Column("sex"),
        Column("race"),
    ),
    candidates=(
        Logistic(strength=0.1),
        GradientBoosting(trees=150, feature_share=0.6, row_share=0.8),
        NeuralNet(layers=(32,), penalty=0.1, epochs=8),
    ),
    tuning=Tuning(trials=8, minutes=30),
    cost=Cost(act=4, miss=10, averted=0.8),
    latency_budget=Milliseconds(p99=10),
    excluded=(
        Excluded(column="person_id", why="a running number: it says when a person was asked, and nothing of work"),
        Excluded(column="prediction", why="another model's answer, learned from these labels: it never lands"),
        Excluded(column="predicted_probability", why="as `prediction`"),
        Excluded(
            column="year", why="a model sees one or two years and is asked about the next: it has no meaning there"
        ),
    ),
    deterministic_levels=(
        DeterministicLevels(feature="lived_a_year_ago", levels=("under 1",), why="nobody under 16 is asked about work"),
        DeterministicLevels(
            feature="cognitive_difficulty", levels=("under 5",), why="nobody under 16 is asked about work"
        ),
        DeterministicLevels(
            feature="education_level",
            levels=("0", "2", "3", "4", "5"),
            why="under 3 years of age, nursery to second grade: nobody under 16 is asked about work",
        ),
        DeterministicLevels(
            feature="parents_in_labor_force",
            levels=(
                "both parents do",
                "two parents, only the father does",
                "two parents, only the mother does",
                "two parents, neither does",
                "one parent, the father does",
                "one parent, the father does not",
                "one parent, the mother does",
                "one parent, the mother does not",
            ),
            why="told of children under 18 alone, of whom only those of 16 and 17 are asked about work",
        ),
        DeterministicLevels(
            feature="military_service", levels=("under 17",), why="of these only those of 16 are asked about work"
        ),
        DeterministicLevels(
            feature="military_service", levels=("on active duty",), why="the question is about civilian work"
        ),
        DeterministicLevels(
            feature="relationship", levels=("institutional quarters",), why="inmates and patients have no civilian work"
        ),
    ),
    slices=(Slice(feature="disability"), Slice(feature="sex"), Slice(feature="race")),
    edge_cases=(
        EdgeCase(
            name="16 and 17",
            condition="is_sixteen_or_seventeen",
            why="the first years that are asked about work at all; all that is settled by definition ends here",
        ),
        EdgeCase(
            name="62 to 69", condition="is_around_retirement", why="who of these works is a choice no column tells"
        ),
    ),
    fairness=Fairness(group_by=("sex", "race", "disability"), population="is_asked_about_work"),
    gates=Gates(judged_nights=4, leak_auc=0.93, leak_auc_nights=4, max_log_loss=0.5, min_auc=0.85),
    triggers=Triggers(
        calibration_gap=0.02,
        loss_rise=0.10,
        new_labels=50_000,
        label_batch=50_000,
        age_nights=12,
        drift=Drift(reference="season", season_nights=12),
        window_nights=4,
        min_nights=2,
        cooldown_nights=3,
        budget=Budget(trainings=2, nights=12),
    ),
    expectations=(
        Directional(
            name="without a disability the answer is not lower",
            low=(("disability", "yes"), ("cognitive_difficulty", "yes")),
            high=(("disability", "no"), ("cognitive_difficulty", "no")),
            tolerance=0.01,
            allowed_share=0.02,
            why="of those aged 25 to 60 in 2015, 32 % with a disability were at work, and 82 % without",
        ),
        Invariant(
            name="how an ancestry was told hardly matters",
            feature="ancestry",
            values=("single", "multiple", "unclassified", "not reported"),
            tolerance=0.1,
            allowed_share=0.05,
            why="how a form was filled in is no reason to be at work",
        ),
        Invariant(
            name="where somebody was born hardly matters by itself",
            feature="nativity",
            values=("native", "foreign born"),
            tolerance=0.1,
            allowed_share=0.05,
            why="citizenship, age and schooling are other columns, and stay as they are",
        ),
    ),
    release=Release(
        approvers=("tech_lead", "business_owner"),
        canary=None,  # each canary share would take a month, and the gate has used all months already
    ),
    demo=Demo(history="2015-01-01..2015-12-01", nights="2016-01-01..2016-12-01"),
)
