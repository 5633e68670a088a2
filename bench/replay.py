"""Policies of retraining on a year of flights and three years of employment, without a gate and with it.

The table of flights was known before: one fixed recipe, every retrain adopted, looks 14 nights apart. It must come out again.
Employment is the control: nothing drifts there, so neither calibration nor loss may ask for a model.
"""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import homes

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
POLICIES = ",".join([*KNOWN, "triggers@14", "hindsight@14"])
CONTROL, MONTHS, ALL_MONTHS = "employment", "2016-01-01..2018-12-01", "2015-01-01..2018-12-01"
CONTROL_POLICIES, MAY_FIRE = "never,every@12,triggers,hindsight@12", {"new_labels", "age_nights"}
WITHIN, MOST_SECONDS = 0.003, 300
_PAGE = Path(__file__).parent.parent / "docs/concepts/retraining.md"


def run() -> dict[str, Any]:
    """Return what each policy came to on both, and how far the known table was met."""
    with homes.temporary():
        homes.taken(FLIGHTS, WINTER)
        homes.taken(CONTROL, ALL_MONTHS)
        return measured()


def measured() -> dict[str, Any]:
    """Return what the policies came to in a home where all nights are, and write the tables into docs/concepts/retraining.md."""
    from ml.usecase import GradientBoosting

    plain = {"candidate": GradientBoosting(), "calibrated": False}
    replays = {
        "flights": _replayed(FLIGHTS, NIGHTS, POLICIES, gate=False, sensitivity=True, **plain),
        "flights, gate": _replayed(FLIGHTS, NIGHTS, POLICIES, gate=True, **plain),
        "employment": _replayed(CONTROL, MONTHS, CONTROL_POLICIES, gate=False),
        "employment, gate": _replayed(CONTROL, MONTHS, CONTROL_POLICIES, gate=True),
    }
    for name, each in replays.items():
        publish(name, _tables(each, against=("never", "every@28") if name.startswith(FLIGHTS) else ("never",)))
    publish("thresholds", _sensitivity(replays["flights"]))
    publish("known", _known(replays["flights"]))
    wrong = {
        name: sorted({trigger for policy in each.results.policies for trigger in policy.fired_counts} - MAY_FIRE)
        for name, each in replays.items()
        if name.startswith(CONTROL)
    }
    return {
        "bars": {"within": WITHIN, "most_seconds": MOST_SECONDS, "fired_without_cause": []},
        "within": _within(replays["flights"]),
        "fired_without_cause": wrong,
        **{name: _kept(each) for name, each in replays.items()},
    }


def _replayed(use_case: str, nights: str, policies: str, **more: Any) -> Any:
    from include import usecases
    from include.steps import backtest

    period = usecases.get(use_case).horizon.parse(nights)
    asked = backtest.BacktestRequest(use_case=use_case, period=period, policies=policies, **more)
    found = backtest.run(asked, lambda done, known: print(f"{use_case}: {done} of {known} trainings", flush=True))
    print(found.cost, flush=True)
    return found


def _kept(found: Any) -> dict[str, Any]:
    """Return the numbers that documents quote; each night's are in the page that `ratchet backtest` writes."""
    return {
        "nights": list(found.results.nights),
        "rows": found.results.rows,
        "cost": {
            "made": found.cost.trained,
            "found": found.cost.reused,
            "seconds": round(found.cost.seconds, 1),
            "cpu_seconds": round(found.cost.cpu_seconds, 1),
        },
        "policies": {each.policy: _policy(each) for each in found.results.policies},
        "differences": [
            {
                "one": each.first,
                "other": each.second,
                "told": each.summary,
                "loss": _rounded(asdict(each.loss), 4),
                "saved": _rounded(asdict(each.saved), 0),
            }
            for each in found.results.differences
        ],
        "around": {each.policy: _policy(each) for each in found.sensitivity.policies} if found.sensitivity else {},
    }


def _policy(each: Any) -> dict[str, Any]:
    counts = {
        "trainings": each.trainings,
        "releases": each.releases,
        "fired": dict(each.fired_counts),
        "failed": dict(each.failed_check_counts),
    }
    return {**counts, **_rounded(asdict(each.quality), 4)}


def _rounded(values: dict[str, Any], digits: int) -> dict[str, Any]:
    return {name: round(value, digits) if isinstance(value, float) else value for name, value in values.items()}


def _within(found: Any) -> dict[str, float]:
    """Return how far each policy's log loss lies from the one that was known."""
    losses = {each.policy: each.quality.log_loss for each in found.results.policies}
    return {name: round(_apart(losses[name], known), 4) for name, known in KNOWN.items()}


def _apart(loss: float, known: float | tuple[float, float]) -> float:
    low, high = known if isinstance(known, tuple) else (known, known)
    return max(low - loss, loss - high, 0.0)


def _tables(found: Any, against: tuple[str, ...]) -> list[str]:
    from include.report import backtest_report as report
    from ml.model_card import markdown
    from ml.retraining.backtest import tables

    lines = markdown.table(tables.headers(found.results, against), tables.policy_rows(found.results, against))
    fired = [f"* `{name}`: {told}." for name, told, _ in tables.fired_triggers(found.results)]
    failed = [f"* `{name}`: {told}." for name, told in tables.failed_checks(found.results)]
    return [
        report.describe_method(found),
        "",
        *lines,
        *(["", "Looks with a number above its threshold:", "", *fired] if fired else []),
        *(["", "Models that did not pass a check of the gate, by kind:", "", *failed] if failed else []),
    ]


def _sensitivity(found: Any) -> list[str]:
    from ml.model_card import markdown
    from ml.retraining.backtest import tables

    return markdown.table(tables.headers(found.sensitivity, ()), sorted(tables.policy_rows(found.sensitivity, ())))


def _known(found: Any) -> list[str]:
    from ml.model_card import markdown

    losses = {each.policy: each.quality.log_loss for each in found.results.policies}
    rows = [
        [name, str(known) if isinstance(known, float) else "-".join(map(str, known)), f"{losses[name]:.4f}", told]
        for name, known in KNOWN.items()
        for told in ["yes" if _apart(losses[name], known) <= WITHIN else f"no, {_apart(losses[name], known):.4f} off"]
    ]
    return markdown.table(["policy", "known", "found", f"within {WITHIN}"], rows)


def publish(name: str, lines: list[str], bench: str = "replay") -> None:
    """Write lines between the marks of a name in docs/concepts/retraining.md."""
    begin, end = f"<!-- {name}: written by `python -m bench {bench}` -->", f"<!-- /{name} -->"
    mark = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    text = "\n".join([begin, *lines, end])
    _PAGE.write_text(mark.sub(lambda _: text, _PAGE.read_text()))
