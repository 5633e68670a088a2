"""The rollout state of a use case, derived from the ledger; the servers' routing and the registry follow it."""

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
    """Return the rollout state as of the last ledger entry."""
    return state.replay_events(context.case.name, _entries(context))


def as_of(context: NightContext) -> RolloutState:
    """Return the rollout state before the context's night.

    Only decisions as of earlier nights count, so the result is the same whenever it is computed.
    """
    earlier = [each for each in _entries(context) if each.night is not None and each.night < context.night]
    return state.replay_events(context.case.name, sorted(earlier, key=lambda each: (each.night, each.seq)))


def latest_night(context: StepContext, at_least: date) -> date:
    """Return the last scored night, or `at_least` if that is later; a decision made now applies to later nights."""
    scored = warehouse.last_scored_night(context.engine, context.case.name)
    return max(at_least, scored) if scored else at_least


def sync(context: StepContext) -> tuple[str, ...]:
    """Update the routing and the registry from the ledger; return a sentence for each correction of the registry."""
    return registry.sync_with_ledger(context.settings, context.case.name) if publish_routing(context) else ()


def publish_routing(context: StepContext) -> bool:
    """Write the routing that the ledger implies, and return whether there is one; without a champion there is none.

    Raises SetupError if the routing changed and its signing key is missing.
    """
    current_routing = current(context).routing
    if current_routing is not None:
        routing_store.write(current_routing, context.settings)
    return current_routing is not None


def audit(context: NightContext) -> None:
    """Raise an alert if the ledger was tampered with, or if the registry was changed by hand, which this corrects.

    A process without the routing key cannot correct the routing; it raises an alert instead.
    """
    engine = context.engine
    try:
        ledger.verify(engine)
        messages = [f"{each}: the registry was changed by hand; it follows the ledger again" for each in sync(context)]
    except LedgerError as fault:
        messages = [str(fault)]
    except SetupError as fault:
        messages = [
            "the servers' routing does not follow the ledger, and this process may not sign it "
            f"(run `ratchet sync-routing {context.case.name}`): {fault}"
        ]
    for number, message in enumerate(messages, start=1):
        warehouse.raise_alert(
            engine,
            Alert(use_case=context.case.name, night=context.night, kind="ledger", subject=f"{number}", message=message),
        )


def _entries(context: StepContext) -> tuple[Entry, ...]:
    return ledger.entries_of_kinds(context.engine, context.case.name, RELEASE_KINDS)
