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
from ml.retraining.triggers import Decision
from ml.usecase import Drift, Triggers
from ml.usecase.triggers import NAMES as THRESHOLDS

_COUNTS = ("new_labels", "age_nights")
_DRIFT = "drift"
_WAITS = ("window_nights", "least_nights", "cooldown_nights")
_WRITTEN = re.compile(r"(?P<kind>[a-z]+)(?P<settings>(?::[a-z_]+=[0-9.]+)*)(?:@(?P<looks>[1-9][0-9]*))?")
_KINDS = ("never", "every@28", "triggers", "triggers:calibration_gap=0.02@14", "shadow:margin=0.005@14", "hindsight@14")


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A way to retrain: as it is written, and every how many nights it looks; 0 is never."""

    name: str
    looks: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheduled(Policy):
    """Asks whenever it looks."""

    @property
    def decision(self) -> Decision:
        """What is decided at each look."""
        return Decision(retrain=True, trigger="schedule", reason=f"looks are {self.looks} nights apart", findings=())


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
    written = [each for each in re.split(r"[,\s]+", text) if each]
    if not written:
        raise RequestError(f"expected policies such as {', '.join(_KINDS)}, got none")
    repeated = sorted({each for each in written if written.count(each) > 1})
    if repeated:
        raise RequestError(f"expected each policy once, got {', '.join(repeated)} more than once: leave it out")
    return tuple(_read(each, declared) for each in written)


def around(policy: Triggered, factors: Iterable[float], declared: Triggers) -> tuple[Triggered, ...]:
    """Return the policy with each threshold that is on, one at a time, multiplied by each of `factors`."""
    found = []
    for name, threshold in _thresholds(policy.triggers).items():
        for factor in factors:
            if name == _DRIFT and threshold * factor >= 1:
                continue  # more than all features cannot move
            triggers = _with(policy.triggers, {name: type(threshold)(threshold * factor)})
            found.append(
                Triggered(name=written(triggers, policy.looks, declared), looks=policy.looks, triggers=triggers)
            )
    return tuple(found)


def written(triggers: Triggers, looks: int, declared: Triggers) -> str:
    """Return how a policy of these triggers is typed, where the use case has `declared` its own."""
    waits = {name: each for name in _WAITS if (each := getattr(triggers, name)) != getattr(declared, name)}
    parts = [f"{name}={value:.6g}" for name, value in {**_thresholds(triggers), **waits}.items()]
    return ":".join(["triggers", *parts]) + (f"@{looks}" if looks > 1 else "")


def _thresholds(triggers: Triggers) -> dict[str, float | int]:
    on = {name: value for name in THRESHOLDS if (value := getattr(triggers, name)) is not None}
    return {name: value.share if isinstance(value, Drift) else value for name, value in on.items()}


def _with(triggers: Triggers, settings: Mapping[str, float | None]) -> Triggers:
    """Return the triggers with other numbers; a threshold that is None is off, and one of drift makes that ask."""
    share = settings.get(_DRIFT)
    drift = replace(triggers.drift or Drift(), share=share, asks=True) if share is not None else triggers.drift
    plain = {name: value for name, value in settings.items() if name != _DRIFT}
    off = {name for name, value in settings.items() if value is None}
    return replace(
        triggers,
        **plain,  # type: ignore[arg-type]  # names and types were held by whoever calls
        drift=None if _DRIFT in off else drift,
        persistence=tuple(each for each in triggers.persistence if each.trigger not in off),
    )


def _read(text: str, declared: Triggers) -> Policy:
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise _unread(text)
    pairs = [each.split("=") for each in match["settings"].split(":")[1:]]
    looks, settings = int(match["looks"] or 1), {name: _number(value, text) for name, value in pairs}
    match match["kind"], sorted(settings), match["looks"]:
        case "never", [], None:
            return Policy(name=text, looks=0)
        case "every", [], str():
            return Scheduled(name=text, looks=looks)
        case "triggers", _, _:
            return Triggered(name=text, looks=looks, triggers=_triggers(text, settings, declared))
        case "shadow", ["margin"], str():
            return Shadow(name=text, looks=looks, margin=settings["margin"])
        case "hindsight", [], str():
            return Hindsight(name=text, looks=looks)
    raise _unread(text)


def _triggers(text: str, settings: Mapping[str, float], declared: Triggers) -> Triggers:
    """Return the declared triggers that ask, or where some are named those alone; what they wait for stays as declared."""
    unknown = sorted(settings.keys() - {*THRESHOLDS, *_WAITS})
    if unknown:
        known = ", ".join((*THRESHOLDS, *_WAITS))
        raise RequestError(f"expected triggers of {known}, got {', '.join(unknown)} in {text!r}")
    named = settings.keys() & set(THRESHOLDS)
    off = set(THRESHOLDS) - named if named else {_DRIFT} - {name for name in THRESHOLDS if _asks(name, declared)}
    counts = {name: int(value) for name, value in settings.items() if name in (*_COUNTS, *_WAITS)}
    return _with(declared, {**dict.fromkeys(off), **settings, **counts})


def _asks(name: str, declared: Triggers) -> bool:
    return name != _DRIFT or (declared.drift is not None and declared.drift.asks)


def _number(text: str, policy: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _unread(policy) from None


def _unread(text: str) -> RequestError:
    return RequestError(f"expected a policy such as {', '.join(_KINDS)}, got {text!r}")
