"""Retraining policies: when a new model is requested and how it is admitted; parsed from text.

* `never` requests no training; `every@28` requests one every 28 nights.
* `triggers` evaluates the use case's own triggers every night, `triggers@14` every 14 nights.
  `triggers:calibration_gap=0.02@14` evaluates only this trigger, with this threshold. `triggers:drift=0.5@14` evaluates
  drift as declared, and requests a training even if the declaration only shows drift. `triggers:worth=5000@14`
  evaluates what a fresh model is worth, at a total price of 5,000 for each retraining.
* `shadow:margin=0.005@14` trains every 14 nights, and adopts the model trained 14 nights before if its loss has been
  lower than the champion's by more than the margin since.
* `hindsight@14` trains every 14 nights and always uses the model that is best on the following nights.

`+recalibrate` after any of them recalibrates the champion's scores between trainings (`ml.targets.recalibration`):
`every@14+recalibrate`, or `every@14+recalibrate:window_nights=56:prior_nights=14` for other than the default numbers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ml.errors import DeclarationError, RequestError
from ml.retraining.triggers import RetrainingDecision
from ml.targets.recalibration import Recalibration
from ml.usecase import Drift, RetrainingPrice, Triggers
from ml.usecase.triggers import NAMES as THRESHOLDS

_INTEGER_SETTINGS = ("new_labels", "age_nights")
_DRIFT, _WORTH = "drift", "worth"
_TIMING_SETTINGS = ("window_nights", "min_nights", "cooldown_nights")  # fields of `Triggers`
_PATTERN = re.compile(r"(?P<kind>[a-z]+)(?P<settings>(?::[a-z_]+=[0-9.]+)*)(?:@(?P<interval>[1-9][0-9]*))?")
_EXAMPLES = (
    "never",
    "every@28",
    "triggers",
    "triggers:calibration_gap=0.02@14",
    "shadow:margin=0.005@14",
    "hindsight@14",
    "every@14+recalibrate",
)
_LAYER_SETTINGS = {"every_nights": int, "window_nights": int, "prior_nights": float, "min_rows": int, "gated": bool}
_LAYER_PATTERN = re.compile(r"recalibrate(?P<settings>(?::[a-z_]+=[0-9.]+)*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A retraining policy: its text, and the number of nights between its decisions; 0 means never.

    With `recalibration`, the champion's scores pass through a layer that is fitted between trainings.
    """

    name: str
    interval_nights: int
    recalibration: Recalibration | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheduled(Policy):
    """Requests a training at each decision."""

    @property
    def decision(self) -> RetrainingDecision:
        """The decision, always the same."""
        return RetrainingDecision(
            retrain=True, trigger="schedule", reason=f"every {self.interval_nights} nights", findings=()
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Triggered(Policy):
    """Decides as `ml.retraining.triggers.decide` does with these triggers."""

    triggers: Triggers


@dataclass(frozen=True, kw_only=True, slots=True)
class Shadow(Scheduled):
    """Trains at each decision; adopts the previously trained model if its loss has been lower by `margin` since."""

    margin: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Hindsight(Scheduled):
    """Trains at each decision, and always uses the model that is best on the following nights.

    It is a bound on what any policy can gain, not a policy that could run in production.
    """


def parse(text: str, declared: Triggers) -> tuple[Policy, ...]:
    """Return the policies in `text`, separated by commas or blanks; `declared` are the use case's own triggers.

    Raises RequestError if a policy is malformed or repeated; its message shows examples.

    >>> never, every = parse("never, every@28+recalibrate:window_nights=56", Triggers())
    >>> (never.interval_nights, every.interval_nights, every.recalibration.window_nights)
    (0, 28, 56)
    >>> (policy,) = parse("triggers:loss_rise=0.1@14", Triggers(calibration_gap=0.04))
    >>> policy.triggers.loss_rise, policy.triggers.calibration_gap  # a named trigger switches the others off
    (0.1, None)
    """
    texts = [each for each in re.split(r"[,\s]+", text) if each]
    if not texts:
        raise RequestError(f"expected policies such as {', '.join(_EXAMPLES)}, got none")
    repeated = sorted({each for each in texts if texts.count(each) > 1})
    if repeated:
        raise RequestError(f"expected each policy once, got {', '.join(repeated)} more than once: leave it out")
    return tuple(_parse_policy(each, declared) for each in texts)


def vary_thresholds(policy: Triggered, factors: Iterable[float], declared: Triggers) -> tuple[Triggered, ...]:
    """Return variants of the policy: each enabled threshold, one at a time, multiplied by each of `factors`.

    A price of retraining is not varied: it is a cost, and not a setting.

    >>> declared = Triggers(calibration_gap=0.04, new_labels=None, drift=None)
    >>> policy = Triggered(name="triggers@14", interval_nights=14, triggers=declared)
    >>> [each.name for each in vary_thresholds(policy, (0.5, 2.0), declared)]
    ['triggers:calibration_gap=0.02@14', 'triggers:calibration_gap=0.08@14']
    """
    policies = []
    for name, threshold in _thresholds(policy.triggers).items():
        if name == _WORTH:
            continue
        for factor in factors:
            if name == _DRIFT and threshold * factor >= 1:
                continue  # a share of drifted features cannot exceed 1
            triggers = _replace_settings(policy.triggers, {name: type(threshold)(threshold * factor)})
            text = format_policy(triggers, policy.interval_nights, declared)
            policies.append(replace(policy, name=text + "".join(policy.name.partition("+")[1:]), triggers=triggers))
    return tuple(policies)


def format_policy(triggers: Triggers, interval_nights: int, declared: Triggers) -> str:
    """Return the text of a policy with these triggers; it has timings only if they differ from the `declared` ones.

    >>> declared = Triggers(calibration_gap=0.04, new_labels=None, drift=None, cooldown_nights=7)
    >>> format_policy(Triggers(calibration_gap=0.02, new_labels=None, drift=None, cooldown_nights=3), 14, declared)
    'triggers:calibration_gap=0.02:cooldown_nights=3@14'
    """
    timing = {name: each for name in _TIMING_SETTINGS if (each := getattr(triggers, name)) != getattr(declared, name)}
    parts = [f"{name}={value:.6g}" for name, value in {**_thresholds(triggers), **timing}.items()]
    return ":".join(["triggers", *parts]) + (f"@{interval_nights}" if interval_nights > 1 else "")


def _thresholds(triggers: Triggers) -> dict[str, float | int]:
    enabled = {name: value for name in THRESHOLDS if (value := getattr(triggers, name)) is not None}
    numbers = {name: value.share if isinstance(value, Drift) else value for name, value in enabled.items()}
    return numbers if triggers.worth is None else numbers | {_WORTH: triggers.worth.total(0)}


def _replace_settings(triggers: Triggers, settings: Mapping[str, float | None]) -> Triggers:
    """Return the triggers with new numbers; None switches a trigger off, and a number for drift lets it request.

    A number for `worth` is the total price.
    """
    share = settings.get(_DRIFT)
    drift = (
        replace(triggers.drift or Drift(), share=share, triggers_retraining=True)
        if share is not None
        else triggers.drift
    )
    plain = {name: value for name, value in settings.items() if name not in (_DRIFT, _WORTH)}
    price = settings.get(_WORTH)
    first_age = {"first_age_nights": triggers.worth.first_age_nights} if triggers.worth else {}
    off = {name for name, value in settings.items() if value is None}
    return replace(
        triggers,
        **plain,  # type: ignore[arg-type]  # callers check names and types
        drift=None if _DRIFT in off else drift,
        worth=(None if _WORTH in off else triggers.worth)
        if price is None
        else RetrainingPrice(risk=price, **first_age),
        persistence=tuple(each for each in triggers.persistence if each.trigger not in off),
    )


def _parse_policy(text: str, declared: Triggers) -> Policy:
    """Return the policy in `text`, with the layer that follows its `+`."""
    trained, plus, layer = text.partition("+")
    policy = _parse_retraining(trained, text, declared)
    return replace(policy, name=text, recalibration=_parse_recalibration(layer, text)) if plus else policy


def _parse_recalibration(layer: str, text: str) -> Recalibration:
    match = _LAYER_PATTERN.fullmatch(layer)
    if match is None:
        raise _invalid_policy(text)
    settings = _parse_settings(match["settings"], text)
    unknown = sorted(settings.keys() - _LAYER_SETTINGS.keys())
    if unknown:
        raise RequestError(f"expected numbers of {', '.join(_LAYER_SETTINGS)}, got {', '.join(unknown)} in {text!r}")
    numbers: dict[str, Any] = {name: _LAYER_SETTINGS[name](value) for name, value in settings.items()}
    try:
        return Recalibration(**numbers)
    except DeclarationError as error:
        raise RequestError(f"{error} in {text!r}") from None


def _parse_retraining(trained: str, text: str, declared: Triggers) -> Policy:
    match = _PATTERN.fullmatch(trained)
    if match is None:
        raise _invalid_policy(text)
    interval_nights, settings = int(match["interval"] or 1), _parse_settings(match["settings"], text)
    match match["kind"], sorted(settings), match["interval"]:
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
    """Return the declared triggers, or only the named ones if `settings` names any; throttles stay as declared.

    Declared drift that does not request retraining is switched off, unless it is named.
    """
    unknown = sorted(settings.keys() - {*THRESHOLDS, *_TIMING_SETTINGS})
    if unknown:
        known = ", ".join((*THRESHOLDS, *_TIMING_SETTINGS))
        raise RequestError(f"expected triggers of {known}, got {', '.join(unknown)} in {text!r}")
    if settings.get(_WORTH) == 0:
        raise RequestError(f"expected a price above 0, got worth=0 in {text!r}")
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


def _parse_settings(settings: str, policy: str) -> dict[str, float]:
    """Return the numbers of `:name=number:name=number`."""
    pairs = [each.split("=") for each in settings.split(":")[1:]]
    return {name: _parse_number(value, policy) for name, value in pairs}


def _parse_number(text: str, policy: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _invalid_policy(policy) from None


def _invalid_policy(text: str) -> RequestError:
    return RequestError(f"expected a policy such as {', '.join(_EXAMPLES)}, got {text!r}")
