"""The declaration of how refreshes are adopted whose gain one comparison cannot show."""

from dataclasses import dataclass

from ml.usecase.declaration import check, check_types


@dataclass(frozen=True, kw_only=True, slots=True)
class Adoption:
    """How a refresh (the same recipe on newer data) is adopted that is not shown better than the champion.

    The gain of a single refresh is usually too small to be shown on a few nights; the gain of a recipe is not. The
    recipe earns a *licence* once its refreshes are shown better than the *anchor*, which is the champion in force when
    the evidence began: the evidence against "not better" must reach `licence` (an e-value: by chance, a recipe without
    gain reaches it with a probability of at most 1 / `licence`). From then on a refresh needs only the *screen*: it is
    not shown worse, and its scores do not move by more than `max_score_shift` on average (for regression, in units of
    the best constant's loss). Before the licence, `allowance` refreshes may be adopted that pass the screen; 0 switches
    that off.

    An adopted refresh that is shown worse than the model that it replaced is rolled back: evidence of `rollback`. When
    the nightly losses of the unproven models exceed those of the last proven model by `harm_budget` in sum, that model
    is put back and nothing more is adopted unproven. (The last proven model is the last that the gate showed better, or
    the anchor.) The unit is that of the loss, summed over nights: .3 is a loss that is .03 higher on ten nights. The
    labels of `max_label_shift` or more above or below the expected mean stop an unproven adoption, because they may be
    faulty. So does a training set with less than `min_nights_share` of the nights that the champion learned from.

    Evidence needs bounded numbers: the nightly difference in loss is clipped to `loss_range` on both sides, that in
    centred loss to `centred_range`, and means of several nights to that, divided by the square root of their number.

    A challenger of another recipe than the champion's that the gate leaves undecided stays in the *shadow queue* for
    `queue_nights`, with at most `queue` recipes at a time; 0 switches it off. It is judged again on the nights after
    its verdict. The probability that any queued model that is not better is shown better is at most `queue_error`,
    which is shared by the places of the queue and the previous champion.
    """

    allowance: int = 6
    licence: float = 10.0
    rollback: float = 20.0
    harm_budget: float = 0.3
    max_score_shift: float = 0.15
    max_label_shift: float = 0.2
    min_nights_share: float = 0.5
    loss_range: float = 0.1
    centred_range: float = 0.03
    queue: int = 3
    queue_nights: int = 84
    queue_error: float = 0.1

    def __post_init__(self) -> None:
        check_types(self)
        check(self.allowance >= 0, f"an allowance is a number of refreshes, 0 or more, got {self.allowance}")
        check(
            self.licence > 1 and self.rollback > 1,
            f"evidence for a licence or a rollback is above 1, got {self.licence} and {self.rollback}",
        )
        for name in ("harm_budget", "max_score_shift", "max_label_shift", "loss_range", "centred_range"):
            check(getattr(self, name) > 0, f"Adoption({name}=...) is above 0, got {getattr(self, name)}")
        check(
            0 < self.min_nights_share <= 1,
            f"min_nights_share is a share above 0, up to 1, got {self.min_nights_share}",
        )
        check(self.queue >= 0, f"a queue is a number of recipes, 0 or more, got {self.queue}")
        check(self.queue_nights > 0, f"a model stays in the queue for 1 night or more, got {self.queue_nights}")
        check(0 < self.queue_error < 1, f"an error rate lies between 0 and 1, got {self.queue_error}")

    @property
    def queue_level(self) -> float:
        """The evidence (an e-value) at which a model of the shadow queue is shown better than the champion.

        >>> Adoption().queue_level
        40.0
        """
        return (self.queue + 1) / self.queue_error
