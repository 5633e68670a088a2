"""The publication gate: it checks a night's scores against the night's entities and the nights published last.

All bars are effect sizes, so they mean the same for a thousand rows and for a million. A check without a number (too
few nights, too few rows) is inconclusive and does not hold scores back: a first night has no reference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ml.governance.checks import Check, CheckStatus
from ml.statistics import column_profiles
from ml.statistics.column_profiles import Profile
from ml.usecase import PublicationGate

SCORE = "score"
_MIN_ROWS = 50  # with fewer rows, the distance between two similar nights may be .4 by chance
_MIN_DISTINCT_POINTS, _MAX_NAMED = 10, 3


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreBatch:
    """A night's scores before publication: the numbers of its entities, of scored rows, and of invalid scores.

    A score is invalid if it is missing or out of range. `profiles` has the profiles of the column `score` and of each
    feature that is compared with earlier nights.
    """

    entities: int
    rows: int
    invalid: int
    profiles: Mapping[str, Profile]


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedReference:
    """The nights published last, each as profiles by column, and the features that are stable across them."""

    nights: Sequence[Mapping[str, Profile]]
    stable_features: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicationDecision:
    """The decision on a night's scores, with every check."""

    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.status is CheckStatus.FAIL)

    @property
    def is_publishable(self) -> bool:
        """Whether the night may be published: no check failed."""
        return not self.failed

    @property
    def reason(self) -> str:
        """The failed checks, each with the expected and the actual value; "" if none failed."""
        return "; ".join(f"{check.name}: expected {check.bar}, got {check.value:.4g}" for check in self.failed)


def build_reference(nights: Sequence[Mapping[str, Profile]], bars: PublicationGate) -> PublishedReference:
    """Return the reference for a night: the `nights` published last, and their stable features.

    A feature is stable if each night's profile is near that of another night. A number must also take many values
    within a night: one with a handful of values, such as a reading at a few stations, describes places and not rows.
    """
    names = {name for night in nights for name in night} - {SCORE}
    return PublishedReference(
        nights=nights,
        stable_features=frozenset(name for name in names if _is_stable(_comparable_profiles(nights, name, bars), bars)),
    )


def evaluate(batch: ScoreBatch, reference: PublishedReference, bars: PublicationGate) -> PublicationDecision:
    """Return the decision on `batch`, compared with the nights published last."""
    checks = [
        _range_check("invalid scores", float(batch.invalid), 0, 0),
        _range_check("entities with a score", _coverage(batch.rows, batch.entities), bars.min_coverage, 1),
        _row_count_check(batch, reference, bars),
    ]
    return PublicationDecision(
        checks=(*checks, *_score_checks(batch, reference, bars), _feature_check(batch, reference, bars))
    )


def _row_count_check(batch: ScoreBatch, reference: PublishedReference, bars: PublicationGate) -> Check:
    counts = [night[SCORE].rows for night in reference.nights]
    relative_count = (
        batch.rows / median(counts) if len(counts) >= bars.min_reference_nights and median(counts) else None
    )
    return _range_check(
        "rows, as a multiple of the last nights' median", relative_count, bars.min_row_ratio, bars.max_row_ratio
    )


def _score_checks(batch: ScoreBatch, reference: PublishedReference, bars: PublicationGate) -> tuple[Check, Check]:
    score_profile = batch.profiles[SCORE]
    references = _comparable_profiles(reference.nights, SCORE, bars) if score_profile.rows >= _MIN_ROWS else []
    spread = median(each.spread for each in references) if references else 0.0
    return (
        _range_check(
            "spread of the scores, as a multiple of the last nights' median",
            score_profile.spread / spread if spread else None,
            bars.min_spread_ratio,
            None,
        ),
        _range_check(
            "share of scores moved from the nearest of the last nights",
            _nearest_distance(score_profile, references),
            0,
            bars.max_score_distance,
        ),
    )


def _feature_check(batch: ScoreBatch, reference: PublishedReference, bars: PublicationGate) -> Check:
    distances = {
        name: _nearest_distance(profile, _comparable_profiles(reference.nights, name, bars)) or 0.0
        for name, profile in batch.profiles.items()
        if name in reference.stable_features and profile.rows >= _MIN_ROWS
    }
    by_distance = sorted(distances, key=lambda name: -distances[name])
    names_text = ", ".join(
        [name for name in by_distance if distances[name] > bars.max_feature_distance][:_MAX_NAMED] or by_distance[:1]
    )
    return _range_check(
        f"share of a feature moved from the nearest of the last nights ({names_text or 'none is stable'})",
        max(distances.values(), default=None),
        0,
        bars.max_feature_distance,
    )


def _comparable_profiles(nights: Sequence[Mapping[str, Profile]], name: str, bars: PublicationGate) -> list[Profile]:
    """Return the profiles of a column that have enough rows; none if there are too few such nights."""
    comparable = [night[name] for night in nights if name in night and night[name].rows >= _MIN_ROWS]
    return comparable if len(comparable) >= bars.min_reference_nights else []


def _is_stable(references: Sequence[Profile], bars: PublicationGate) -> bool:
    if len(references) < 2:
        return False
    varies_by_row = (
        all(each.shares for each in references)
        or median(len(set(each.points)) for each in references) >= _MIN_DISTINCT_POINTS
    )
    return varies_by_row and all(
        min(column_profiles.distance(each, other) for other in references if other is not each)
        <= bars.max_reference_distance
        for each in references
    )


def _nearest_distance(profile: Profile, references: Sequence[Profile]) -> float | None:
    return min((column_profiles.distance(profile, each) for each in references), default=None)


def _coverage(rows: int, entities: int) -> float:
    return rows / entities if entities else 1.0


def _range_check(name: str, value: float | None, minimum: float, maximum: float | None) -> Check:
    bar = (
        f"at least {minimum:g}"
        if maximum is None
        else f"{minimum:g} to {maximum:g}"
        if minimum != maximum
        else f"{minimum:g}"
    )
    if value is None:
        return Check(name=name, value=None, bar=bar, status=CheckStatus.INCONCLUSIVE)
    return Check(
        name=name,
        value=value,
        bar=bar,
        status=CheckStatus.from_bool(value >= minimum and (maximum is None or value <= maximum)),
    )
