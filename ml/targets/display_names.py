"""What things are called: the loss, the answer, and what either is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class DisplayNames:
    """The words of one kind of target.

    `metric` is the loss in records (a column, a metric's name), `loss` the same in sentences, in the unit `loss_unit`; `raw`
    is an answer before its calibration, `prior` what a constant answers, `alone` what a single feature does, `calibration`
    heads the numbers of that, the share or ratio `calibrated` being right; `apart` is how far two models' answers lie apart, `level` what
    is moved from one to the other, `dearer` by how much more one costs; `saved_against` is the decision that costs are
    compared with, `expected` and `seen` head what weak slices are told by, `label` says how to make one of what is none, `labels_are`
    what labels may be and `contract` how a contract says so. On pictures,
    `seen_mean` is a night's mean label, `came` what is held against scores (on the axis `score_axis`, within `bounds`);
    `captions` say what each picture shows.
    """

    metric: str
    loss: str
    loss_unit: str
    loss_per_row: str
    raw: str
    prior: str
    single_feature: str
    calibration: str
    savings_baseline: str
    score_distance: str
    score_level: str
    cost_increase: str
    expected: str
    observed: str
    label_hint: str
    label_values: str
    label_contract: str
    mean_label: str
    observed_axis: str
    score_axis: str
    score_bounds: tuple[float, float] | None
    captions: Mapping[str, str]


BINARY = DisplayNames(
    metric="log_loss",
    loss="log loss",
    loss_unit="nats",
    loss_per_row="nats a row",
    raw="log-odds",
    prior="the base rate",
    single_feature="ranks the label with a ROC AUC",
    calibration="expected over seen",
    savings_baseline="never acting",
    score_distance="mean distance of scores",
    score_level="log-odds",
    cost_increase="cost of a decision beyond the champion's, in actions",
    expected="expected",
    observed="seen",
    label_hint="make it a bool or a float of 0 and 1, or derive one that is",
    label_values="1 for yes, 0 for no, or missing",
    label_contract="pa.Field(isin=[0, 1])",
    mean_label="share of labels",
    observed_axis="share that came true",
    score_axis="score",
    score_bounds=(0.0, 1.0),
    captions={
        "reliability": "Is a score what came? Ten bins of equal count, with the rows of each.",
        "gains": "What acting on the highest scores finds, and saves.",
        "slices": "Each part of the rows: log loss, and what was expected over what came.",
        "fairness": "Each group: who is acted on, who is found, who is alarmed for nothing, and what a score means.",
    },
)


REGRESSION = DisplayNames(
    metric="relative_loss",
    loss="relative loss",
    loss_unit="1 = always the same answer",
    loss_per_row="a row; 1 is always the same answer",
    raw="answer",
    prior="always the same answer",
    single_feature="tells the label with a skill",
    calibration="share below the answer",
    savings_baseline="always the same answer",
    score_distance="mean distance of answers, 1 being what always the same answer loses",
    score_level="answers (1 is what always the same answer loses)",
    cost_increase="cost of an answer beyond the champion's, 1 being that of always the same",
    expected="share asked for",
    observed="share below the answer",
    label_hint="make it a float, or derive one that is",
    label_values="a finite number, or missing",
    label_contract="pa.Field(ge=..., le=...)",
    mean_label="mean label",
    observed_axis="share of labels below the answer",
    score_axis="answer",
    score_bounds=None,
    captions={
        "reliability": "Do so many labels lie below the answer as asked for? Ten bins of equal count, with the rows of each.",
        "slices": "Each part of the rows: relative loss, and the share of labels below the answer.",
        "fairness": "Each group: which way and how far answers are off, and the share of labels below them.",
    },
)
