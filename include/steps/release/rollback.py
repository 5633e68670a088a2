"""Back to the last champion that nobody was rolled back from, now: a person asks for it, with a reason."""

from include import notifications, usecases
from include.settings import Settings, load_settings
from include.steps import justification, release_state
from include.stores import ledger, warehouse
from ml.errors import RequestError
from ml.governance.hash_chain import Entry, Json
from ml.rollout.state import Kind, Standing
from ml.usecase import Deed, UseCase


def roll_back(use_case: str, who: str, why: str, asked: str) -> Entry:
    """Withdraw the challenger that is under way, or else make the champion before this one champion again.

    Servers and the registry follow. `asked` names the request: the same one again changes nothing more. Raises
    RequestError without a name or a reason, for a person who may not (`Roles`), and when there is nothing to go back to.
    """
    case, settings = usecases.get(use_case), load_settings()
    justification.require("a rollback", who, why)
    case.roles.allow(Deed.ROLL_BACK, who)
    key = f"{case.name}:rollback:{asked}"
    done = [each for each in ledger.entries(warehouse.engine(settings.warehouse_url), case.name) if each.key == key]
    entry = done[0] if done else _append(case, release_state.now(case, settings), {"who": who, "why": why}, key, settings)
    release_state.follow(case, settings)
    notifications.tell(f"{case.name}: {entry.kind}", f"{entry.subject} ({who}: {why})")
    return entry


def _append(case: UseCase, stood: Standing, told: dict[str, Json], key: str, settings: Settings) -> Entry:
    kind, subject, since = _back(case, stood)
    engine = warehouse.engine(settings.warehouse_url)
    crowned = ledger.champion(engine, case.name)
    assert crowned is not None
    assert crowned.night is not None
    return ledger.append(
        engine,
        kind=kind,
        use_case=case.name,
        night=release_state.latest(case, crowned.night, settings),
        subject=subject,
        payload={**told, "from": since},
        key=key,
    )


def _back(case: UseCase, stood: Standing) -> tuple[Kind, str, str]:
    """Return what kind of step back there is, whom it is about, and from whom; raises RequestError where there is none."""
    if stood.trial is not None:
        return Kind.WITHDRAWN, stood.trial.digest, stood.trial.digest
    if stood.champion is None or stood.standby is None:
        raise RequestError(
            f"{case.name} has no champion to go back to: it had {len(set(stood.reigns))}, of which {len(stood.left)} were "
            "rolled back from; train another model"
        )
    return Kind.ROLLED_BACK, stood.standby, stood.champion
