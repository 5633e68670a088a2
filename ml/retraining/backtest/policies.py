"""Policies: when a new model is asked for, and whose word lets it in; written as people type them.

`never`; `every@28` asks each 28 nights; `triggers` asks as the use case's own triggers do each night, `triggers@14` when
looked at each 14 nights, `triggers:calibration_gap=0.02@14` with this trigger alone, `triggers:drift=0.5@14` with drift as it
is declared, which asks here; `shadow:margin=0.005@14` trains at each
look and adopts the last look's model when it has done better since; `hindsight@14` has seen what is to come.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ml.errors import RequestError
from ml.retraining.triggers import RetrainingDecision
from ml.usecase import Drift, Triggers
from ml.usecase.triggers import NAMES as THRESHOLDS

_INTEGER_SETTINGS = ("new_labels", "age_nights")
_DRIFT = "drift"
# How they are typed, and what they are called in `Triggers`.
_TIMING_SETTINGS = {
    "window_nights": "window_nights",
    "least_nights": "min_nights",
    "cooldown_nights": "cooldown_nights",
}
_PATTERN = re.compile(r"(?P<kind>[a-z]+)(?P<settings>(?::[a-z_]+=[0-9.]+)*)(?:@(?P<looks>[1-9][0-9]*))?")
_EXAMPLES = (
    "never",
    "every@28",
    "triggers",
    "triggers:calibration_gap=0.02@14",
    "shadow:margin=0.005@14",
    "hindsight@14",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A way to retrain: as it is written, and every how many nights it looks; 0 is never."""

    name: str
    interval_nights: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheduled(Policy):
    """Asks whenever it looks."""

    @property
    def decision(self) -> RetrainingDecision:
        """What is decided at each look."""
        return RetrainingDecision(
            retrain=True, trigger="schedule", reason=f"looks are {self.interval_nights} nights apart", findings=()
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Triggered(Policy):
    """Asks as `ml.retraining.triggers` decides by these triggers, whenever it looks."""

    triggers: Triggers


@dataclass(frozen=True, kw_only=True, slots=True)
class Shadow(Scheduled):
    """Trains whenever it looks; what was trained at the look before is adopted when it has done better by `margin` since."""

    margin: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Hindsight(Scheduled):
    """Trains whenever it looks, and answers with whichever of its models does best on the nights to come: a bound, no choice."""


def parse(text: str, declared: Triggers) -> tuple[Policy, ...]:
    """Return the policies that are written, separated by commas or blanks; `declared` are the use case's own triggers.

    Raises RequestError, which says how policies are written.
    """
    texts = [each for each in re.split(r"[,\s]+", text) if each]
    if not texts:
        raise RequestError(f"expected policies such as {', '.join(_EXAMPLES)}, got none")
    repeated = sorted({each for each in texts if texts.count(each) > 1})
    if repeated:
        raise RequestError(f"expected each policy once, got {', '.join(repeated)} more than once: leave it out")
    return tuple(_parse_policy(each, declared) for each in texts)


def vary_thresholds(policy: Triggered, factors: Iterable[float], declared: Triggers) -> tuple[Triggered, ...]:
    """Return the policy with each threshold that is on, one at a time, multiplied by each of `factors`."""
    policies = []
    for name, threshold in _thresholds(policy.triggers).items():
        for factor in factors:
            if name == _DRIFT and threshold * factor >= 1:
                continue  # more than all features cannot move
            triggers = _replace_settings(policy.triggers, {name: type(threshold)(threshold * factor)})
            policies.append(
                Triggered(
                    name=format_policy(triggers, policy.interval_nights, declared),
                    interval_nights=policy.interval_nights,
                    triggers=triggers,
                )
            )
    return tuple(policies)


def format_policy(triggers: Triggers, interval_nights: int, declared: Triggers) -> str:
    """Return how a policy of these triggers is typed, where the use case has `declared` its own."""
    timing = {
        typed: each
        for typed, name in _TIMING_SETTINGS.items()
        if (each := getattr(triggers, name)) != getattr(declared, name)
    }
    parts = [f"{name}={value:.6g}" for name, value in {**_thresholds(triggers), **timing}.items()]
    return ":".join(["triggers", *parts]) + (f"@{interval_nights}" if interval_nights > 1 else "")


def _thresholds(triggers: Triggers) -> dict[str, float | int]:
    enabled = {name: value for name in THRESHOLDS if (value := getattr(triggers, name)) is not None}
    return {name: value.share if isinstance(value, Drift) else value for name, value in enabled.items()}


def _replace_settings(triggers: Triggers, settings: Mapping[str, float | None]) -> Triggers:
    """Return the triggers with other numbers; a threshold that is None is off, and one of drift makes that ask."""
    share = settings.get(_DRIFT)
    drift = (
        replace(triggers.drift or Drift(), share=share, triggers_retraining=True)
        if share is not None
        else triggers.drift
    )
    plain = {_TIMING_SETTINGS.get(name, name): value for name, value in settings.items() if name != _DRIFT}
    off = {name for name, value in settings.items() if value is None}
    return replace(
        triggers,
        **plain,  # type: ignore[arg-type]  # names and types were held by whoever calls
        drift=None if _DRIFT in off else drift,
        persistence=tuple(each for each in triggers.persistence if each.trigger not in off),
    )


def _parse_policy(text: str, declared: Triggers) -> Policy:
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise _invalid_policy(text)
    pairs = [each.split("=") for each in match["settings"].split(":")[1:]]
    interval_nights, settings = int(match["looks"] or 1), {name: _parse_number(value, text) for name, value in pairs}
    match match["kind"], sorted(settings), match["looks"]:
        case "never", [], None:
            return Policy(name=text, interval_nights=0)
        case "every", [], str():
            return Scheduled(name=text, interval_nights=interval_nights)
        case "triggers", _, _:
            return Triggered(
                name=text, interval_nights=interval_nights, triggers=_parse_triggers(text, settings, declared)
            )
        case "shadow", ["margin"], str():
            return Shadow(name=text, interval_nights=interval_nights, margin=settings["margin"])
        case "hindsight", [], str():
            return Hindsight(name=text, interval_nights=interval_nights)
    raise _invalid_policy(text)


def _parse_triggers(text: str, settings: Mapping[str, float], declared: Triggers) -> Triggers:
    """Return the declared triggers that ask, or where some are named those alone; what they wait for stays as declared."""
    unknown = sorted(settings.keys() - {*THRESHOLDS, *_TIMING_SETTINGS})
    if unknown:
        known = ", ".join((*THRESHOLDS, *_TIMING_SETTINGS))
        raise RequestError(f"expected triggers of {known}, got {', '.join(unknown)} in {text!r}")
    named = settings.keys() & set(THRESHOLDS)
    off = (
        set(THRESHOLDS) - named
        if named
        else {_DRIFT} - {name for name in THRESHOLDS if _requests_training(name, declared)}
    )
    counts = {name: int(value) for name, value in settings.items() if name in (*_INTEGER_SETTINGS, *_TIMING_SETTINGS)}
    return _replace_settings(declared, {**dict.fromkeys(off), **settings, **counts})


def _requests_training(name: str, declared: Triggers) -> bool:
    return name != _DRIFT or (declared.drift is not None and declared.drift.triggers_retraining)


def _parse_number(text: str, policy: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _invalid_policy(policy) from None


def _invalid_policy(text: str) -> RequestError:
    return RequestError(f"expected a policy such as {', '.join(_EXAMPLES)}, got {text!r}")
