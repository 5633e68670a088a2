"""Flights leaving New York in 2013: predict at 02:00 which flights of the day will be disrupted."""

from ml.usecase import (
    AsOf,
    Binary,
    Budget,
    Column,
    Cost,
    Delay,
    Demo,
    Directional,
    Drift,
    EdgeCase,
    Excluded,
    Fairness,
    Function,
    Gates,
    GradientBoosting,
    Live,
    Logistic,
    Milliseconds,
    NeuralNet,
    Night,
    Prior,
    Ratio,
    RecentRate,
    Reference,
    Release,
    Roles,
    Since,
    Slice,
    Table,
    Triggers,
    UseCase,
    Window,
)

_FLIGHT = ("flight_date", "carrier", "flight_number", "origin")
_TO_AN_AIRPORT = Reference(columns=("destination",), table="airports", to=("airport",))
_HISTORY_GROUPS = (
    (),
    ("carrier",),
    ("origin",),
    ("destination",),
    ("carrier", "flight_number"),
    ("origin", "destination"),
    ("carrier", "origin"),
)
_LIVE_GROUPS = ((), ("carrier",), ("origin",), ("carrier", "origin"), ("destination",))
_LIVE_GROUP_NAMES = ("all", "carrier", "origin", "carrier_and_origin")

USE_CASE = UseCase(
    name="flights",
    question="Will this flight arrive 15 minutes late or more, be cancelled or be diverted?",
    task=Binary(label="is_disrupted", table="outcomes"),
    entities="schedule",
    tables=(
        Table(
            name="schedule",
            schema="Schedule",
            key=_FLIGHT,
            event_time="scheduled_departure_at",
            night="flight_date",
            references=(_TO_AN_AIRPORT,),
        ),
        Table(
            name="outcomes",
            schema="Outcomes",
            key=_FLIGHT,
            event_time="scheduled_departure_at",
            known_at="closed_at",
            derived=("is_disrupted", "delay_minutes_capped"),
            references=(_TO_AN_AIRPORT, Reference(columns=_FLIGHT, table="schedule", on_missing="warn")),
        ),
        Table(
            name="departures",
            schema="Departures",
            key=_FLIGHT,
            event_time="scheduled_departure_at",
            known_at="departed_at",
            derived=("departure_delay_minutes_capped",),
            references=(_TO_AN_AIRPORT,),
        ),
        Table(
            name="weather",
            schema="Weather",
            key=("origin", "observed_at"),
            event_time="observed_at",
            known_at=Delay(after="observed_at", hours=1),
        ),
        Table(name="airports", schema="Airports", key=("airport",), required=False),
        Table(name="planes", schema="Planes", key=("tail_number",), required=False),
    ),
    horizons=(
        Night(hour=2, timezone="America/New_York"),
        Live(
            before="scheduled_departure_at",
            hours=2,
            gates=Gates(max_judged_nights=28, leak_auc=0.80, leak_auc_nights=180),
            features=(
                *(
                    Window(
                        "departures",
                        column="departure_delay_minutes_capped",
                        how="mean",
                        by=by,
                        hours=(1, 3, 8),
                        shrinkage=5,
                    )
                    for by in _LIVE_GROUPS
                ),
                *(
                    Window("outcomes", column="delay_minutes_capped", how="mean", by=by, hours=(3, 8), shrinkage=5)
                    for by in _LIVE_GROUPS
                ),
                *(
                    Window(
                        "schedule",
                        column="scheduled_departure_at",
                        how="count",
                        by=by,
                        hours=(1, 3, 8),
                        on="event_time",
                    )
                    for by in _LIVE_GROUPS[:4]
                ),
                *(
                    Window("departures", column="departed_at", how="count", by=by, hours=(1, 3, 8), on="event_time")
                    for by in _LIVE_GROUPS[:4]
                ),
                *(
                    Ratio(
                        f"departed_share_by_{by}_{hours}h",
                        numerator=f"departed_at_count_by_{by}_{hours}h_on_event_time",
                        denominator=f"scheduled_departure_at_count_by_{by}_{hours}h_on_event_time",
                        shrinkage=3,
                    )
                    for by in _LIVE_GROUP_NAMES
                    for hours in (1, 3, 8)
                ),
                Since("departures", by=("origin",), within_hours=24),
            ),
        ),
    ),
    features=(
        Column("carrier"),
        Column("origin"),
        Column("distance_miles"),
        Function("departure_minute"),
        Function("arrival_minute"),
        Function("weekday"),
        *(
            Window("outcomes", column="is_disrupted", how="mean", by=by, days=(1, 7, 28, 90), shrinkage=20)
            for by in _HISTORY_GROUPS
        ),
        Window(
            "outcomes",
            column="delay_minutes_capped",
            how="mean",
            by=("carrier", "flight_number"),
            days=(7, 28, 90),
            shrinkage=5,
        ),
        Window("outcomes", column="is_disrupted", how="count", by=("origin", "destination"), days=(28,)),
        AsOf(
            "weather",
            by=("origin",),
            columns=(
                "temperature_f",
                "dew_point_f",
                "humidity_percent",
                "wind_direction_degrees",
                "wind_speed_mph",
                "wind_gust_mph",
                "precipitation_inches",
                "pressure_millibars",
                "visibility_miles",
            ),
            within_hours=6,
        ),
        Function("is_severe_weather"),
    ),
    candidates=(
        Logistic(),
        GradientBoosting(trees=200, leaves=31, random_splits=True),
        NeuralNet(layers=(16,), penalty=10, epochs=5),
    ),
    baselines=(Prior(), RecentRate(feature="is_disrupted_mean_by_carrier_7d", name="last_week_by_carrier")),
    cost=Cost(act=250, miss=1800, averted=0.4),
    latency_budget=Milliseconds(p99=10),
    excluded=(
        Excluded(column="tail_number", why="missing exactly when the flight is cancelled: it gives the label away"),
    ),
    slices=(Slice(feature="carrier"), Slice(feature="origin"), Slice(feature="is_severe_weather")),
    edge_cases=(
        EdgeCase(
            name="severe weather",
            condition="is_severe_weather",
            why="storms are when an answer is worth most, and when a model of calm days expects too little",
        ),
        EdgeCase(
            name="new or rare route",
            condition="is_rare_route",
            why="a route without a past has only the others' to go by",
        ),
    ),
    fairness=Fairness(group_by=("carrier",)),
    gates=Gates(max_judged_nights=28, leak_auc=0.755, leak_auc_nights=180),
    triggers=Triggers(
        calibration_gap=0.04,
        new_labels=50_000,
        label_batch=50_000,
        drift=Drift(reference="past"),  # one year of data has no earlier season to compare with; drift is only reported
        budget=Budget(trainings=4, nights=56),
    ),
    expectations=(
        Directional(
            name="fog does not make a flight safer",
            low=(("visibility_miles", 10.0), ("is_severe_weather", 0.0)),
            high=(("visibility_miles", 0.5), ("is_severe_weather", 1.0)),
            tolerance=0.01,
            allowed_share=0.05,
            why="fewer aircraft may land in it",
        ),
        Directional(
            name="a storm does not make a flight safer",
            low=(
                ("visibility_miles", 10.0),
                ("precipitation_inches", 0.0),
                ("wind_speed_mph", 8.0),
                ("is_severe_weather", 0.0),
            ),
            high=(
                ("visibility_miles", 0.5),
                ("precipitation_inches", 0.3),
                ("wind_speed_mph", 30.0),
                ("is_severe_weather", 1.0),
            ),
            tolerance=0.01,
            allowed_share=0.05,
            why="wind, rain and low cloud at the origin close runways",
        ),
    ),
    release=Release(approvers=("tech_lead", "business_owner")),
    roles=Roles(release=("admin", "tech_lead")),
    demo=Demo(history="2013-01-01..2013-01-31", nights="2013-02-01..2013-02-15", live_day="2013-02-08"),
)
