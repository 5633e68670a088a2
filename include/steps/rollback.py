"""Back to the last champion that nobody was rolled back from, now: by a person with a reason, or by a drill."""

from datetime import date

from include import settings, usecases
from include.settings import Settings
from include.steps import standing
from include.stores import ledger, warehouse
from ml.chain import Entry
from ml.errors import RequestError
from ml.releasing import Kind, Standing
from ml.usecase import UseCase

_LEAST_WORDS = 3


def roll_back(use_case: str, who: str, why: str) -> Entry:
    """Make the champion before this one champion again, or withdraw the challenger that is under way; servers follow.

    With a challenger under way that is withdrawn, and the champion stays. Raises RequestError without a name or a
    reason, and when there is nothing to go back to.
    """
    case, where = usecases.get(use_case), settings.load()
    if not who.strip() or len(why.split()) < _LEAST_WORDS:
        raise RequestError(f"a rollback says who and, in {_LEAST_WORDS} words or more, why; got {who!r}: {why!r}")
    stood = standing.now(case, where)
    entry = _withdraw(case, stood, who, why, where) if stood.trial else _return(case, stood, who, why, where)
    standing.follow(case, where)
    return entry


def _withdraw(case: UseCase, stood: Standing, who: str, why: str, where: Settings) -> Entry:
    assert stood.trial is not None
    return ledger.append(
        warehouse.engine(where.warehouse_url),
        kind=Kind.WITHDRAWN,
        use_case=case.name,
        night=_night(case, where),
        subject=stood.trial.digest,
        payload={"who": who, "why": why, "share": stood.trial.share},
        key=f"{case.name}:withdrawn:after:{stood.trial.release}",
    )


def _return(case: UseCase, stood: Standing, who: str, why: str, where: Settings) -> Entry:
    if stood.champion is None or stood.standby is None:
        raise RequestError(
            f"{case.name} has no champion to go back to: of {len(stood.reigns)} promotions so far, all others than today's "
            "were rolled back from, or there are none; train another model"
        )
    return ledger.append(
        warehouse.engine(where.warehouse_url),
        kind=Kind.ROLLED_BACK,
        use_case=case.name,
        night=_night(case, where),
        subject=stood.standby,
        payload={"from": stood.champion, "who": who, "why": why},
        key=f"{case.name}:rolled_back:after:{stood.seq}",
    )


def _night(case: UseCase, where: Settings) -> date:
    """Return the last night that anything was decided of: scores of nights after it are the other model's."""
    nights = [each.night for each in ledger.entries(warehouse.engine(where.warehouse_url), use_case=case.name)]
    return max(night for night in nights if night is not None)
