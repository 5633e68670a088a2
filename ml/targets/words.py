"""What things are called: the loss, the answer, and what either is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """The words of one kind of target.

    `metric` is the loss in records (a column, a metric's name), `loss` the same in sentences, in the unit `loss_unit`; `raw`
    is an answer before its calibration, `prior` what a constant answers, `alone` what a single feature does, `calibration`
    heads the numbers of that, the share or ratio `calibrated` being right; `saved_against` is the decision that costs are
    compared with, `expected` and `seen` head what weak slices are told by, `label` says how to make one of what is none, `labels_are`
    what labels may be and `contract` how a contract says so. On pictures,
    `seen_mean` is a night's mean label, `came` what is held against scores (on the axis `score_axis`, within `bounds`);
    `captions` say what each picture shows.
    """

    metric: str
    loss: str
    loss_unit: str
    loss_a_row: str
    raw: str
    prior: str
    alone: str
    calibration: str
    saved_against: str
    expected: str
    seen: str
    label: str
    labels_are: str
    contract: str
    seen_mean: str
    came: str
    score_axis: str
    bounds: tuple[float, float] | None
    captions: Mapping[str, str]
