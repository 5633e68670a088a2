"""Backtests of retraining policies on a year of flights and three years of employment, with and without the gate.

With the gate, the year is also walked without an allowance (refreshes are adopted by proof, or under a licence), and
from a linear first model.

The losses on flights were known before Ratchet had a backtest (one fixed recipe, every retrained model adopted,
triggers evaluated every 14 nights), and must be reproduced. Employment is the control: its data do not drift, so
triggers on calibration or loss must not request a model.
"""

import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench import workspace

FLIGHTS, NIGHTS, WINTER = "flights", "2013-02-01..2013-12-31", "2013-01-01..2013-12-31"
KNOWN = {
    "never": 0.5414,
    "every@14": 0.5229,
    "every@28": (0.5232, 0.5280),
    "triggers:calibration_gap=0.04@14": 0.5244,
    "triggers:calibration_gap=0.02@14": 0.5225,
    "triggers:loss_rise=0.1:window_nights=7@14": 0.5291,
    "triggers:new_labels=50000@14": 0.5316,
    "shadow:margin=0.005@14": 0.5297,
}
PRICED = ("triggers:worth=5000@14", "triggers:worth=50000@14")
POLICIES = ",".join([*KNOWN, "triggers@14", *PRICED, "hindsight@14"])
GATED = "never,every@14,every@28"
CONTROL, MONTHS, ALL_MONTHS = "employment", "2016-01-01..2018-12-01", "2015-01-01..2018-12-01"
CONTROL_POLICIES, MAY_FIRE = "never,every@12,triggers,hindsight@12", {"new_labels", "age_nights"}
HALVES = {"February to July": ("2013-02-01", "2013-07-31"), "August to December": ("2013-08-01", "2013-12-31")}
SPLIT = {FLIGHTS: "2013-08-01", CONTROL: "2017-07-01"}
WITHIN, MOST_SECONDS, YEARS, _SEED = 0.003, 300, 2000, 20132
_PAGE = Path(__file__).parent.parent / "docs/concepts/retraining.md"


def run() -> dict[str, Any]:
    """Return the results of every policy on both use cases, and the differences from the known losses."""
    with workspace.temporary():
        workspace.ingest(FLIGHTS, WINTER)
        workspace.ingest(CONTROL, ALL_MONTHS)
        return measure()


def measure() -> dict[str, Any]:
    """Run the backtests in a home with all nights, and write the tables into docs/concepts/retraining.md."""
    from ml.usecase import GradientBoosting

    plain = {"candidate": GradientBoosting(), "calibrated": False}
    runs = {
        "flights": run_backtest(FLIGHTS, NIGHTS, POLICIES, gate=False, sensitivity=True, **plain),
        "flights, gate": run_backtest(FLIGHTS, NIGHTS, POLICIES, gate=True, **plain),
        "flights, no allowance": run_backtest(FLIGHTS, NIGHTS, GATED, gate=True, allowance=0, **plain),
        "flights, linear first": run_backtest(
            FLIGHTS, NIGHTS, GATED, gate=True, allowance=0, first="logistic", **plain
        ),
        "flights, as declared": run_backtest(FLIGHTS, NIGHTS, "never,every@14,triggers", gate=True),
        "employment": run_backtest(CONTROL, MONTHS, CONTROL_POLICIES, gate=False),
        "employment, gate": run_backtest(CONTROL, MONTHS, CONTROL_POLICIES, gate=True),
    }
    for name, each in runs.items():
        policies = [policy.policy for policy in each.results.policies]
        references = [policy for policy in ("never", "every@28") if policy in policies and name.startswith(FLIGHTS)]
        publish(name, _tables(each, references=tuple(references) or ("never",)))
    publish("thresholds", _sensitivity(runs["flights"]))
    publish("known", _known(runs["flights"]))
    halves = {name: _by_half(each) for name, each in runs.items()}
    publish("halves", _half_table(halves))
    false_alarms = {
        name: sorted({trigger for policy in each.results.policies for trigger in policy.fired_counts} - MAY_FIRE)
        for name, each in runs.items()
        if name.startswith(CONTROL)
    }
    return {
        "bars": {"within": WITHIN, "most_seconds": MOST_SECONDS, "fired_without_cause": []},
        "within": _differences(runs["flights"]),
        "licence_without_gain": _licences_without_gain(runs["flights, gate"]),
        "fired_without_cause": false_alarms,
        "gain_by_half": {
            name: {policy: [_rounded(asdict(each), 4) for each in gains] for policy, gains in policies.items()}
            for name, policies in halves.items()
        },
        **{name: _to_json(each) for name, each in runs.items()},
    }


def run_backtest(use_case: str, nights: str, policies: str, **options: Any) -> Any:
    """Return the run of a backtest of these policies; `options` are fields of its request."""
    from include import usecases
    from include.steps import backtest

    period = usecases.get(use_case).schedule.parse(nights)
    request = backtest.BacktestRequest(use_case=use_case, period=period, policies=policies, **options)
    run = backtest.run(request, lambda done, total: print(f"{use_case}: {done} of {total} trainings", flush=True))
    print(run.cost, flush=True)
    return run


def _licences_without_gain(run: Any) -> dict[str, float]:
    """Return the share of years in which a recipe without gain earns the licence: real blocks with random signs.

    The sign of each block's gain (in both losses) is drawn anew, so that no block is better in expectation.
    """
    from include.steps.backtest import trainings
    from ml.promotion.adoption import evidence
    from ml.promotion.adoption.evidence import GainSeries
    from ml.retraining.backtest import recipe_evidence

    walk = next(each for each in run.walks if each.policy.name == "every@14")
    needed = {term.training for term in walk.champion_terms} | {each.refresh for each in walk.records if each.refresh}
    trained = trainings.gather(run.training_key, needed, 1, lambda _: None)
    series = recipe_evidence.block_series(walk, run.context.period.last, run.context, trained)
    declared, rng = run.context.case.adoption, np.random.default_rng(_SEED)
    licensed = 0
    for signs in rng.choice([-1.0, 1.0], (YEARS, len(series.loss))):
        year = GainSeries(
            loss=signs * series.loss,
            centred_loss=None if series.centred_loss is None else signs * series.centred_loss,
            nights_per_value=series.nights_per_value,
        )
        licensed += evidence.reached(year, declared, declared.licence) is not None
    return {"years": YEARS, "blocks": len(series.loss), "share": round(licensed / YEARS, 4)}


def _to_json(run: Any) -> dict[str, Any]:
    """Return the numbers that the documentation quotes; `ratchet backtest` writes those of each night."""
    return {
        "nights": list(run.results.nights),
        "rows": run.results.rows,
        "cost": {
            "made": run.cost.trained,
            "found": run.cost.reused,
            "seconds": round(run.cost.seconds, 1),
            "cpu_seconds": round(run.cost.cpu_seconds, 1),
        },
        "policies": {each.policy: _policy(each) for each in run.results.policies},
        "differences": [
            {
                "one": each.first,
                "other": each.second,
                "told": each.summary,
                "loss": _rounded(asdict(each.loss), 4),
                "saved": _rounded(asdict(each.saved), 0),
            }
            for each in run.results.differences
        ],
        "around": {each.policy: _policy(each) for each in run.sensitivity.policies} if run.sensitivity else {},
    }


def _policy(each: Any) -> dict[str, Any]:
    counts = {
        "trainings": each.trainings,
        "releases": each.releases,
        "fired": dict(each.fired_counts),
        "failed": dict(each.failed_check_counts),
        "halves": {half: _mean_loss(each, *nights) for half, nights in HALVES.items()},
    }
    return {**counts, **_rounded(asdict(each.quality), 4)}


def _mean_loss(each: Any, first: str, last: str) -> float | None:
    """Return the mean loss of the blocks that begin in the nights `first` to `last`; None without any."""
    blocks = [block for block in each.blocks if first <= block.first_night <= last]
    rows = sum(block.rows for block in blocks)
    return sum(block.loss * block.rows for block in blocks) / rows if rows else None


def _by_half(run: Any) -> dict[str, tuple[Any, Any]]:
    """Return the gain in loss of each policy over never retraining, before `SPLIT` and from it on, with intervals."""
    from include.steps.backtest import trainings
    from ml.retraining.backtest import results, simulation

    context = run.context
    rows = results.labelled_rows(context)
    needed = {term.training for each in run.walks for term in each.champion_terms} | {context.initial_training}
    trained = trainings.gather(run.training_key, needed, 1, lambda _: None)
    is_early = results.block_starts(context.history.nights[rows], context).astype(str) < SPLIT[run.request.use_case]
    scores = {each.policy.name: simulation.served_scores(each, context, trained)[rows] for each in run.walks}
    never, target = scores.pop("never"), trained[context.initial_training].target
    comparisons = {name: comparison(never, each, context, target) for name, each in scores.items()}
    return {name: (compare(is_early).loss, compare(~is_early).loss) for name, compare in comparisons.items()}


def comparison(first: Any, second: Any, context: Any, target: Any) -> Callable[[Any], Any]:
    """Return a function of a mask of the labelled rows: the difference of two policies there, with intervals.

    `first` and `second` are their scores on all labelled rows.
    """
    from ml.retraining.backtest import results

    rows = results.labelled_rows(context)
    labels, blocks = context.history.labels[rows], results.block_starts(context.history.nights[rows], context)

    def compare(mask: Any) -> Any:
        pair = (("", first[mask]), ("", second[mask]))
        return results.compare(*pair, labels[mask], blocks[mask], target, context.case.gates.confidence)

    return compare


def _half_table(halves: dict[str, dict[str, tuple[Any, Any]]]) -> list[str]:
    from ml.model_card import markdown
    from ml.retraining.backtest import tables

    rows = [
        [name, f"`{policy}`", *map(tables.describe_gain, gains)]
        for name, policies in halves.items()
        for policy, gains in policies.items()
        if policy.startswith("every")
    ]
    return markdown.table(["run", "policy", "gain on never, first half", "gain on never, second half"], rows)


def _rounded(values: dict[str, Any], digits: int) -> dict[str, Any]:
    return {name: round(value, digits) if isinstance(value, float) else value for name, value in values.items()}


def _differences(run: Any) -> dict[str, float]:
    """Return the absolute difference of each policy's log loss from the known one."""
    losses = {each.policy: each.quality.log_loss for each in run.results.policies}
    return {name: round(_difference(losses[name], known), 4) for name, known in KNOWN.items()}


def _difference(loss: float, known: float | tuple[float, float]) -> float:
    low, high = known if isinstance(known, tuple) else (known, known)
    return max(low - loss, loss - high, 0.0)


def _tables(run: Any, references: tuple[str, ...]) -> list[str]:
    from include.report import backtest_report as report
    from ml.model_card import markdown
    from ml.retraining.backtest import tables

    lines = markdown.table(tables.headers(run.results, references), tables.policy_rows(run.results, references))
    fired = [f"* `{name}`: {counts}." for name, counts, _ in tables.fired_triggers(run.results)]
    failed = [f"* `{name}`: {counts}." for name, counts in tables.failed_checks(run.results)]
    return [
        report.describe_method(run),
        "",
        *lines,
        *(["", "Looks with a number above its threshold:", "", *fired] if fired else []),
        *(["", "Models that did not pass a check of the gate, by kind:", "", *failed] if failed else []),
    ]


def _sensitivity(run: Any) -> list[str]:
    from ml.model_card import markdown
    from ml.retraining.backtest import tables

    return markdown.table(tables.headers(run.sensitivity, ()), sorted(tables.policy_rows(run.sensitivity, ())))


def _known(run: Any) -> list[str]:
    from ml.model_card import markdown

    losses = {each.policy: each.quality.log_loss for each in run.results.policies}
    rows = []
    for name, known in KNOWN.items():
        difference = _difference(losses[name], known)
        expected = str(known) if isinstance(known, float) else "-".join(map(str, known))
        rows.append(
            [name, expected, f"{losses[name]:.4f}", "yes" if difference <= WITHIN else f"no, {difference:.4f} off"]
        )
    return markdown.table(["policy", "known", "found", f"within {WITHIN}"], rows)


def publish(name: str, lines: list[str], bench: str = "backtest") -> None:
    """Write `lines` into docs/concepts/retraining.md, between the marks of the section `name`."""
    begin, end = f"<!-- {name}: written by `python -m bench {bench}` -->", f"<!-- /{name} -->"
    mark = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    text = "\n".join([begin, *lines, end])
    _PAGE.write_text(mark.sub(lambda _: text, _PAGE.read_text()))
