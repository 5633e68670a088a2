"""Whom a model treats how: by group who is acted on, who is missed, and whether scores mean the same for all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ml.arrays import Booleans, Floats, Integers, Strings
from ml.checks import Answer, Check
from ml.metrics import probability
from ml.statistics import intervals
from ml.statistics.intervals import Answered, Interval
from ml.usecase import Cost, Fairness

_SEED = 20130203


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The rows of one level; every interval is over nights, None where it has no value or nights are too few.

    `selected` is the share acted on, `found` that of the positives (true positive rate), `alarmed` that of the negatives
    (false positive rate). `calibration` is mean score over mean label, `parity` that as a multiple of everybody's, `rank`
    ROC AUC less everybody's.
    """

    by: str
    level: str
    rows: int
    gated: bool
    base_rate: Interval | None
    selected: Interval | None
    found: Interval | None
    alarmed: Interval | None
    log_loss: Interval | None
    calibration: Interval | None
    parity: Interval | None
    rank: Interval | None

    @property
    def columns(self) -> tuple[tuple[str, Interval | None, int], ...]:
        """What a table tells of a group: a heading, the interval, its decimals."""
        return (
            ("base rate", self.base_rate, 2),
            ("acted on", self.selected, 2),
            ("found (TPR)", self.found, 2),
            ("alarmed for nothing (FPR)", self.alarmed, 2),
            ("expected over seen", self.calibration, 2),
            ("beside everybody's", self.parity, 2),
            ("AUC less everybody's", self.rank, 3),
            ("log loss", self.log_loss, 3),
        )

    @property
    def drawn(self) -> dict[str, tuple[Interval | None, float | None]]:
        """What a picture shows of a group, and what each is compared with."""
        return {
            "acted on": (self.selected, None),
            "TPR": (self.found, None),
            "FPR": (self.alarmed, None),
            "expected / seen": (self.calibration, 1.0),
        }


def measure(
    rows: Answered, levels: Mapping[str, Strings], among: Booleans, declared: Fairness, cost: Cost, confidence: float
) -> tuple[Group, ...]:
    """Return every group of every column in `levels` (the text of each row's level), in the order of their names.

    Only the rows under `among` are compared; they are everybody.

    The intervals of `parity` and `rank`, which are gated, are Student's and hold for all groups together at
    `confidence` (Bonferroni); each of the others holds alone.
    """
    rows, levels = rows.where(among), {by: levels[by][among] for by in declared.by}
    parts = [(by, level, levels[by] == level) for by in declared.by for level in np.unique(levels[by])]
    gated = sum(int(mask.sum()) >= declared.least_rows for _, _, mask in parts)
    together = 1 - (1 - confidence) / max(2 * gated, 1)
    counted = _Counted.of(rows, cost)
    return tuple(
        _group(by, level, mask, counted, declared.least_rows, confidence, together) for by, level, mask in parts
    )


def checks(groups: tuple[Group, ...], declared: Fairness) -> tuple[Check, ...]:
    """Return a check of calibration and one of ranking for each group that is large enough; a missing number fails.

    A group fails where it is shown outside the declared bounds.
    """
    return tuple(check for each in groups if each.gated for check in _checks(each, declared))


def gaps(groups: tuple[Group, ...], by: str) -> tuple[float | None, float | None]:
    """Return how far apart the gated groups of a column lie in true and false positive rate (equalised odds)."""
    gated = [each for each in groups if each.by == by and each.gated]
    return _gap([each.found for each in gated]), _gap([each.alarmed for each in gated])


def remarks(groups: tuple[Group, ...], declared: Fairness) -> Iterator[str]:
    """Yield a sentence on the equalised odds of each column."""
    for by in declared.by:
        found, alarmed = gaps(groups, by)
        if found is None or alarmed is None:
            yield f"* `{by}`: too few groups are large enough to compare."
        else:
            yield (
                f"* `{by}`: true positive rates lie up to {found:.2f} apart, false positive rates up to {alarmed:.2f}. Told, "
                "not gated: with one threshold for all, base rates that differ part them, however well scores are calibrated."
            )


def bars(declared: Fairness) -> str:
    """Return in words which groups are gated, and how."""
    return (
        f"Gated are groups of {declared.least_rows} rows or more: mean score over mean label, as a multiple of everybody's, may "
        f"not be shown outside {declared.least_calibration} to {declared.most_calibration}, nor ROC AUC shown lower than "
        f"everybody's by more than {declared.auc_margin}."
    )


def _gap(rates: list[Interval | None]) -> float | None:
    known = [each.value for each in rates if each is not None]
    return max(known) - min(known) if len(known) > 1 else None


def _checks(group: Group, declared: Fairness) -> Iterator[Check]:
    name, low, high = f"group {group.by}={group.level}", declared.least_calibration, declared.most_calibration
    yield Check(
        name=f"{name}: calibration beside everybody's",
        value=group.parity.value if group.parity else None,
        bar=f"not shown outside {low} to {high}",
        answer=Answer.of(group.parity is not None and group.parity.high >= low and group.parity.low <= high),
    )
    yield Check(
        name=f"{name}: ROC AUC beside everybody's",
        value=group.rank.value if group.rank else None,
        bar=f"not shown below -{declared.auc_margin}",
        answer=Answer.of(group.rank is not None and group.rank.high >= -declared.auc_margin),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Counted:
    """What is summed by night: labels, scores, whether a row is acted on, its log loss; `night` numbers them."""

    labels: Floats
    scores: Floats
    acted: Floats
    lost: Floats
    night: Integers
    nights: int

    @classmethod
    def of(cls, rows: Answered, cost: Cost) -> "_Counted":
        distinct, night = np.unique(rows.nights.astype(str), return_inverse=True)
        return cls(
            labels=rows.labels,
            scores=rows.scores,
            acted=(rows.scores > cost.threshold).astype(np.float64),
            lost=probability.row_log_loss(rows.labels, rows.scores),
            night=night.astype(np.int64),
            nights=len(distinct),
        )

    def sums(self, values: Floats) -> Floats:
        """Return the sum of each night, shape (nights,)."""
        return np.bincount(self.night, values, self.nights).astype(np.float64)


def _group(
    by: str, level: str, mask: Booleans, all_rows: _Counted, least_rows: int, confidence: float, together: float
) -> Group:
    inside, rows = mask.astype(np.float64), all_rows
    positive, negative = inside * rows.labels, inside * (1 - rows.labels)

    def share(top: Floats, bottom: Floats) -> Interval | None:
        over, under = rows.sums(top), rows.sums(bottom)
        return intervals.over_nights(lambda drawn: (drawn @ over) / (drawn @ under), rows.nights, confidence, _SEED)

    return Group(
        by=by,
        level=level,
        rows=int(mask.sum()),
        gated=bool(mask.sum() >= least_rows),
        base_rate=intervals.as_share(share(positive, inside)),
        selected=intervals.as_share(share(inside * rows.acted, inside)),
        found=intervals.as_share(share(positive * rows.acted, positive)),
        alarmed=intervals.as_share(share(negative * rows.acted, negative)),
        log_loss=share(inside * rows.lost, inside),
        calibration=share(inside * rows.scores, positive),
        parity=_parity(rows, inside, together),
        rank=_rank(rows, mask, together),
    )


def _parity(rows: _Counted, inside: Floats, confidence: float) -> Interval | None:
    """Return the group's mean score over mean label, over that of all rows: the luck of a night meets both."""
    scores, labels = rows.sums(rows.scores), rows.sums(rows.labels)
    own_scores, own_labels = rows.sums(inside * rows.scores), rows.sums(inside * rows.labels)
    found = intervals.over_nights(
        lambda drawn: np.log((drawn @ own_scores) * (drawn @ labels) / ((drawn @ own_labels) * (drawn @ scores))),
        rows.nights,
        confidence,
        _SEED,
    )
    if found is None:
        return None
    value, low, high = (float(np.exp(each)) for each in (found.value, found.low, found.high))
    return Interval(value=value, low=low, high=high)


def _rank(rows: _Counted, mask: Booleans, confidence: float) -> Interval | None:
    """Return the group's ROC AUC less that of all rows."""
    own, all_rows = _pairs(rows, mask), _pairs(rows, np.ones(len(mask), bool))
    return intervals.over_nights(lambda drawn: _auc(drawn, own) - _auc(drawn, all_rows), rows.nights, confidence, _SEED)


def _pairs(rows: _Counted, mask: Booleans) -> tuple[Floats, Floats]:
    """Return the pairs of a positive of one night and a negative of another: those ranked rightly (ties half), and all."""
    won, pairs = np.zeros((2, rows.nights, rows.nights))
    of_night = [mask & (rows.night == number) for number in range(rows.nights)]
    negatives = [np.sort(rows.scores[each & (rows.labels == 0)]) for each in of_night]
    for one, each in enumerate(of_night):
        positives = rows.scores[each & (rows.labels == 1)]
        for other, below in enumerate(negatives):
            ranks = np.searchsorted(below, positives, "left") + np.searchsorted(below, positives, "right")
            won[one, other], pairs[one, other] = ranks.sum() / 2, len(positives) * len(below)
    return won, pairs


def _auc(drawn: Floats, pairs: tuple[Floats, Floats]) -> Floats:
    """Return the AUC of each resample, in which a night counts as often as it was drawn."""
    won, all_pairs = (((drawn @ each) * drawn).sum(axis=1) for each in pairs)
    auc: Floats = won / all_pairs
    return auc
