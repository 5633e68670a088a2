"""Check that the training worker cannot release models: try every forbidden action with the worker's credentials.

`python -m tests.stack.privileges` runs in that worker, in a stack that is removed afterwards, because an action that
succeeds is not undone.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from include.platform.compose import databases
from include.settings import Settings, load_settings
from include.stores import approvals, ledger, routing_store, warehouse
from ml.errors import SetupError
from ml.governance.ledger_entries import EntryKind, Verdict
from ml.rollout.routing import Routing
from tests.stack import raw_entries

_USE_CASE, _NIGHT, _DIGEST = "trespass", date(2000, 1, 1), "0" * 64
_APPROVAL = approvals.Approval(
    use_case=_USE_CASE, night=_NIGHT, role="anybody", user="nobody", choice="approved", digest=_DIGEST, evidence=_DIGEST
)
_REFUSALS = (SetupError, sa.exc.DBAPIError, OSError)


def attempts(settings: Settings, secrets: Path) -> Mapping[str, Callable[[], object]]:
    """Return the forbidden actions, by description."""
    engine = warehouse.engine(settings.warehouse_url)
    inserts = {f"an entry {kind} in the ledger": partial(_insert, engine, kind) for kind in databases.FORBIDDEN_KINDS}
    return {
        **inserts,
        "an approval": lambda: approvals.record(engine, approvals.load_key(settings), _APPROVAL),
        "a signed routing": lambda: routing_store.write(Routing(use_case=_USE_CASE, seq=1, champion=_DIGEST), settings),
        "a file among the routes": lambda: (settings.routes / _USE_CASE).touch(),
        "a key among those that servers trust": lambda: (settings.trusted_keys / _USE_CASE).touch(),
        "Airflow's database": lambda: (secrets / "airflow").read_text(),
        "Airflow's database, as the training worker's role": lambda: _connect(engine.url.set(database="airflow")),
        "Airflow's tokens": lambda: (secrets / "airflow_jwt").read_text(),
        "the passwords of people": lambda: (secrets / "passwords.json").read_text(),
    }


def succeeded(tried: Mapping[str, Callable[[], object]]) -> Iterator[str]:
    """Try each action, and yield the names of those that were not refused."""
    for name, attempt in tried.items():
        try:
            attempt()
        except _REFUSALS:
            continue
        yield name


def _insert(engine: sa.Engine, kind: str) -> None:
    """Write an entry of `kind`, which may be a former name, without the checks of `ledger.append`."""
    raw_entries.insert(engine, [raw_entries.draft(kind, {}, use_case=_USE_CASE, key=f"{_USE_CASE}/{kind}")])


def _append_verdict(engine: sa.Engine) -> None:
    ledger.append(
        engine,
        kind=EntryKind.JUDGED,
        use_case=_USE_CASE,
        night=_NIGHT,
        subject=_DIGEST,
        payload=Verdict(outcome="keep", reason="nothing was learned"),
        key=f"{_USE_CASE}/judged",
    )


def _connect(url: sa.URL) -> None:
    sa.create_engine(url, poolclass=sa.NullPool).connect().close()


def main() -> None:
    """Append a verdict, which must succeed, and try all forbidden actions; exit with an error if one succeeds."""
    settings = load_settings()
    _append_verdict(warehouse.engine(settings.warehouse_url))
    tried = attempts(settings, Path("/run/secrets"))
    if allowed := list(succeeded(tried)):
        sys.exit(f"the training worker can write or read: {'; '.join(allowed)}")
    print(f"the training worker was refused all of {len(tried)}: {', '.join(tried)}")  # noqa: T201 - the program's output


if __name__ == "__main__":
    main()
