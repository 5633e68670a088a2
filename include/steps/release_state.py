"""Where a use case stands as the ledger tells it, and what follows: the routing of servers, and the registry."""

from datetime import date

from include.settings import Settings
from include.stores import ledger, registry, routing_store, warehouse
from include.stores.warehouse import Alert
from ml.errors import LedgerError, SetupError
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import RELEASE_KINDS
from ml.rollout import state
from ml.rollout.state import RolloutState
from ml.usecase import UseCase


def current(case: UseCase, settings: Settings) -> RolloutState:
    """Return where `case` stands, as of the last entry of the ledger."""
    return state.replay_events(case.name, _entries(case, settings))


def as_of(case: UseCase, night: date, settings: Settings) -> RolloutState:
    """Return where `case` stood before `night`, by what was decided as of earlier nights: the same whenever asked."""
    earlier = [each for each in _entries(case, settings) if each.night is not None and each.night < night]
    return state.replay_events(case.name, sorted(earlier, key=lambda each: (each.night, each.seq)))


def latest_night(case: UseCase, at_least: date, settings: Settings) -> date:
    """Return the last night that was scored, `at_least` the given one: what is decided now holds for the nights after it."""
    scored = warehouse.last_scored_night(warehouse.engine(settings.warehouse_url), case.name)
    return max(at_least, scored) if scored else at_least


def sync(case: UseCase, settings: Settings) -> tuple[str, ...]:
    """Let servers and the registry follow the ledger, and return a sentence for each thing that the registry had wrong."""
    return registry.sync_with_ledger(settings, case.name) if publish_routing(case, settings) else ()


def publish_routing(case: UseCase, settings: Settings) -> bool:
    """Let servers follow the ledger, and return whether it has a champion to answer; raises SetupError without routing's key."""
    current_routing = current(case, settings).routing
    if current_routing is not None:
        routing_store.write(current_routing, settings)
    return current_routing is not None


def audit(case: UseCase, night: date, settings: Settings) -> None:
    """Raise an alert where the ledger was changed behind its back, or the registry by hand, which is put right.

    Whoever has no key for routing cannot put servers right, and says so.
    """
    engine = warehouse.engine(settings.warehouse_url)
    try:
        ledger.verify(engine)
        messages = [f"{each}: somebody changed the registry by hand; the ledger leads" for each in sync(case, settings)]
    except LedgerError as fault:
        messages = [str(fault)]
    except SetupError as fault:
        messages = [
            f"servers do not answer as the ledger says, and I may not tell them (`ratchet sync-routing {case.name}` does): {fault}"
        ]
    for number, message in enumerate(messages, start=1):
        warehouse.raise_alert(
            engine, Alert(use_case=case.name, night=night, kind="ledger", subject=f"{number}", message=message)
        )


def _entries(case: UseCase, settings: Settings) -> tuple[Entry, ...]:
    return ledger.entries_of_kinds(warehouse.engine(settings.warehouse_url), case.name, RELEASE_KINDS)
