"""The display names of metrics, scores and plots, for binary targets and for regression."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class DisplayNames:
    """The names and phrases of one kind of target.

    * Loss: `metric` is its name in records (a column, a metric), `loss` its name in sentences, `loss_unit` its unit,
      and `loss_per_row` the unit of a mean over rows.
    * Scores: `raw` is a score before calibration, `prior` the constant prediction. `single_feature` continues the
      sentence "the feature X alone ...". `calibration` heads a column of calibration numbers.
    * Comparisons: `savings_baseline` is the decision that savings are compared with. `score_distance`, `score_level`
      and `cost_increase` name what is compared between two models: the distance of their scores, a shift of all
      scores, and the extra cost. `expected` and `observed` head the columns of weak slices.
    * Labels: `label_hint` says how to turn a column into a label, `label_values` lists the allowed values, and
      `label_contract` shows a contract for them.
    * Plots: `mean_label` is the mean label of a night. `observed_axis` and `score_axis` are axis titles,
      `score_bounds` the limits of the score axis. `captions` has the caption of each plot.
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
    loss_per_row="nats per row",
    raw="log-odds",
    prior="the base rate",
    single_feature="ranks the label with a ROC AUC",
    calibration="mean score / mean label",
    savings_baseline="never acting",
    score_distance="mean distance of scores",
    score_level="log-odds",
    cost_increase="cost of a decision minus the champion's, in units of the cost of acting",
    expected="expected",
    observed="observed",
    label_hint="declare it as bool, or as float with values 0 and 1, or derive such a column",
    label_values="1 for yes, 0 for no, or missing",
    label_contract="pa.Field(isin=[0, 1])",
    mean_label="share of positive labels",
    observed_axis="observed share of positives",
    score_axis="score",
    score_bounds=(0.0, 1.0),
    captions={
        "reliability": "Reliability: mean score and observed share of positives, in ten bins of equal count.",
        "gains": "Recall and savings of acting on the highest scores.",
        "slices": "Slices: log loss, and the ratio of mean score to mean label.",
        "fairness": "Groups: selection rate, true and false positive rate, and the ratio of mean score to mean label.",
    },
)


REGRESSION = DisplayNames(
    metric="relative_loss",
    loss="relative loss",
    loss_unit="1 = loss of the best constant",
    loss_per_row="per row; 1 is the loss of the best constant",
    raw="raw prediction",
    prior="the best constant",
    single_feature="predicts the label with a skill",
    calibration="share below the prediction",
    savings_baseline="the best constant",
    score_distance="mean distance of predictions, in units of the best constant's loss",
    score_level="predictions (in units of the best constant's loss)",
    cost_increase="cost of a prediction minus the champion's, in units of the best constant's cost",
    expected="expected share below",
    observed="observed share below",
    label_hint="declare it as float, or derive such a column",
    label_values="a finite number, or missing",
    label_contract="pa.Field(ge=..., le=...)",
    mean_label="mean label",
    observed_axis="share of labels below the prediction",
    score_axis="prediction",
    score_bounds=None,
    captions={
        "reliability": "Reliability: share of labels below the prediction, in ten bins of equal count.",
        "slices": "Slices: relative loss, and the share of labels below the prediction.",
        "fairness": "Groups: bias, mean absolute error, and the share of labels below the prediction.",
    },
)
