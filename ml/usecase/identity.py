"""The canonical text of a declaration, from which digests of features, recipes and use cases are computed.

Equal declarations have equal texts. The text is like `repr`, except that renamed classes and fields keep the names that
they had when digests were first stored: a rename does not change the meaning, so that it must not change a digest.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

# Current names, and the names that the text has for them.
_CLASSES: Mapping[str, str] = {
    "BlackoutPeriod": "Quiet",
    "Demo": "Rehearsal",
    "DeterministicLevels": "Settled",
    "Permission": "Deed",
    "PinballCost": "Deviation",
    "PublicationGate": "Issuing",
}
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "Binary": {"table": "of"},
    "Canary": {
        "min_requests": "least_answers",
        "min_shadow_rows": "shadow_answers",
        "min_nights": "least_nights",
        "false_alarm_rate": "false_alarms",
    },
    "DeterministicLevels": {"feature": "by"},
    "Directional": {"tolerance": "slack", "allowed_share": "allowed"},
    "Drift": {"reference": "against", "psi_threshold": "moved", "triggers_retraining": "asks"},
    "EdgeCase": {"condition": "where"},
    "Experiment": {"false_alarm_rate": "false_alarms"},
    "Fairness": {
        "group_by": "by",
        "population": "among",
        "min_rows": "least_rows",
        "min_calibration": "least_calibration",
        "max_calibration": "most_calibration",
        "max_loss": "most_loss",
    },
    "Gates": {
        "max_judged_nights": "most_judged_nights",
        "max_log_loss": "worst_log_loss",
        "min_auc": "least_auc",
        "min_skill": "least_skill",
    },
    "Invariant": {"feature": "by", "tolerance": "within", "allowed_share": "allowed"},
    "Persistence": {"out_of": "among"},
    "PublicationGate": {
        "min_coverage": "least_coverage",
        "min_row_ratio": "least_rows",
        "max_row_ratio": "most_rows",
        "min_spread_ratio": "least_spread",
        "max_score_distance": "most_moved",
        "max_feature_distance": "most_moved_feature",
        "max_reference_distance": "steady",
        "reference_nights": "nights",
        "min_reference_nights": "least_nights",
    },
    "Ratio": {"numerator": "of", "denominator": "to"},
    "RecentMean": {"feature": "of"},
    "RecentRate": {"feature": "of"},
    "Reference": {"on_missing": "otherwise"},
    "Refit": {
        "max_score_difference": "scores_apart",
        "max_answer_difference": "answers_apart",
        "max_flipped_share": "flipped",
        "min_rank_correlation": "least_rank",
        "max_loss_rise": "loss_rise",
    },
    "Regression": {"table": "of"},
    "Since": {"condition": "where"},
    "Slice": {"feature": "by", "min_rows": "least_rows"},
    "Text": {"analyzer": "of"},
    "Triggers": {"min_nights": "least_nights", "blackouts": "quiet"},
    "UseCase": {"deterministic_levels": "settled", "publication": "issuing", "demo": "rehearsal"},
    "Window": {"column": "of"},
}
# Fields of later releases that change no model: they are left out while they have their defaults.
_LATER_FIELDS: Mapping[str, frozenset[str]] = {
    "Adoption": frozenset({"queue", "queue_nights", "queue_error", "min_nights_share"}),
    "Table": frozenset({"never"}),
    "Triggers": frozenset({"worth"}),
    "Demo": frozenset({"live_day"}),
    "Live": frozenset(
        {
            "name",
            "max_age_minutes",
            "candidates",
            "latency_budget",
            "size_budget",
            "gates",
            "triggers",
            "release",
            "learn_from",
        }
    ),
    "UseCase": frozenset({"adoption", "arrival", "catch_up", "derived_from", "learn_from"}),
}
# Fields that say nothing about a model: a digest does not depend on them.
_OMITTED: Mapping[str, frozenset[str]] = {"UseCase": frozenset({"explanations", "retention"})}


def text(value: object) -> str:
    """Return the canonical text of a declaration, of a value, or of a tuple of these.

    >>> from ml.usecase import Slice
    >>> text((Slice(feature="zone"), 1.5))
    "(Slice(by='zone', least_rows=400), 1.5)"
    """
    if is_dataclass(value) and not isinstance(value, type):
        name = type(value).__name__
        spelt = _FIELDS.get(name, {})
        omitted, later = (names.get(name, frozenset()) for names in (_OMITTED, _LATER_FIELDS))
        values = (
            f"{spelt.get(each.name, each.name)}={text(getattr(value, each.name))}"
            for each in fields(value)
            if each.name not in omitted and (each.name not in later or getattr(value, each.name) != each.default)
        )
        return f"{_CLASSES.get(name, name)}({', '.join(values)})"
    if isinstance(value, tuple):
        return f"({', '.join(map(text, value))}{',' * (len(value) == 1)})"
    if isinstance(value, list):
        return f"[{', '.join(map(text, value))}]"
    return repr(value)
