"""Where a use case stands as the ledger tells it, and what follows: the routing of servers, and the registry."""

from datetime import date

from include.steps.context import NightContext, StepContext
from include.stores import ledger, registry, routing_store, warehouse
from include.stores.warehouse import Alert
from ml.errors import LedgerError, SetupError
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import RELEASE_KINDS
from ml.rollout import state
from ml.rollout.state import RolloutState


def current(context: StepContext) -> RolloutState:
    """Return where `case` stands, as of the last entry of the ledger."""
    return state.replay_events(context.case.name, _entries(context))


def as_of(context: NightContext) -> RolloutState:
    """Return where `case` stood before `night`, by what was decided as of earlier nights: the same whenever asked."""
    earlier = [each for each in _entries(context) if each.night is not None and each.night < context.night]
    return state.replay_events(context.case.name, sorted(earlier, key=lambda each: (each.night, each.seq)))


def latest_night(context: StepContext, at_least: date) -> date:
    """Return the last night that was scored, `at_least` the given one: what is decided now holds for the nights after it."""
    scored = warehouse.last_scored_night(context.engine, context.case.name)
    return max(at_least, scored) if scored else at_least


def sync(context: StepContext) -> tuple[str, ...]:
    """Let servers and the registry follow the ledger, and return a sentence for each thing that the registry had wrong."""
    return registry.sync_with_ledger(context.settings, context.case.name) if publish_routing(context) else ()


def publish_routing(context: StepContext) -> bool:
    """Let servers follow the ledger, and return whether it has a champion to answer; raises SetupError without routing's key."""
    current_routing = current(context).routing
    if current_routing is not None:
        routing_store.write(current_routing, context.settings)
    return current_routing is not None


def audit(context: NightContext) -> None:
    """Raise an alert where the ledger was changed behind its back, or the registry by hand, which is put right.

    Whoever has no key for routing cannot put servers right, and says so.
    """
    engine = context.engine
    try:
        ledger.verify(engine)
        messages = [f"{each}: somebody changed the registry by hand; the ledger leads" for each in sync(context)]
    except LedgerError as fault:
        messages = [str(fault)]
    except SetupError as fault:
        messages = [
            f"servers do not answer as the ledger says, and I may not tell them (`ratchet sync-routing {context.case.name}` does): {fault}"
        ]
    for number, message in enumerate(messages, start=1):
        warehouse.raise_alert(
            engine,
            Alert(use_case=context.case.name, night=context.night, kind="ledger", subject=f"{number}", message=message),
        )


def _entries(context: StepContext) -> tuple[Entry, ...]:
    return ledger.entries_of_kinds(context.engine, context.case.name, RELEASE_KINDS)
