"""Upgrade an installation that an earlier release wrote to the layout that this release reads.

Every step can be repeated: an interrupted upgrade continues when run again, and ends in the same state.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from include import installation
from include.settings import FORMER_NAMES, Settings
from include.steps import bootstrap, scoring_package
from include.steps.migrate import activity
from include.stores import backtest_reports, ledger, warehouse
from include.stores.signing import dsse
from ml.errors import SetupError


def upgrade(settings: Settings, now: datetime, *, assume_idle: bool = False) -> Iterator[str]:
    """Upgrade the installation and yield a sentence for each change; nothing if it is up to date.

    Raises SetupError if nothing has run here yet, if something is running (unless `assume_idle`), if a later release
    has upgraded the installation, or if a folder exists under both its former and its current name.
    """
    if not warehouse.exists(settings.warehouse_url):
        raise SetupError(
            f"nothing has run in {settings.home} yet, so there is nothing to upgrade; if the installation is in "
            "another folder, set RATCHET_HOME to it"
        )
    if not assume_idle:
        activity.check_idle(installation.current(), now)
    yield from _rename_folders(settings)
    yield from _upgrade_warehouse(settings)
    yield from _create_routing_key(settings)
    yield from _move_backtest_reports(settings)
    bootstrap.prepare_stores(settings)


def _rename_folders(settings: Settings) -> Iterator[str]:
    for former, today in FORMER_NAMES.items():
        source, target = settings.home / former, Path(getattr(settings, today))
        if not source.is_dir():
            continue
        if target.is_dir() and not any(target.iterdir()):
            target.rmdir()
        if target.exists():
            raise SetupError(
                f"expected to move {source} of an earlier release to {target}, but that exists, too: keep the one that "
                "is in use, move the other one away, and run this again"
            )
        source.rename(target)
        yield f"{source} is now {target}"


def _move_backtest_reports(settings: Settings) -> Iterator[str]:
    if moved := backtest_reports.upgrade(settings.reports):
        yield f"{moved} backtest reports are in {settings.reports / 'backtests'} now"


def _create_routing_key(settings: Settings) -> Iterator[str]:
    """Create the key of routing in an embedded home whose routing was signed with the key of packages."""
    packages, routing = (settings.secrets / each.key_file for each in (dsse.PACKAGES, dsse.ROUTING))
    if packages.exists() and not routing.exists():
        dsse.create_key(dsse.ROUTING, settings)
        yield f"routing is signed with a key of its own now, {routing}"


def _upgrade_warehouse(settings: Settings) -> Iterator[str]:
    before, after = warehouse.upgrade(settings.warehouse_url)
    if before != after:
        yield f"the warehouse was upgraded from schema {before} to {after}"
    engine = warehouse.engine(settings.warehouse_url)
    ledger.verify(engine)
    yield from _mark_scores(settings, is_migrated=before != after)
    if before != after:
        yield f"the ledger's {len(ledger.entries(engine, forgotten=True))} entries are intact; older ones are read under today's names"


def _mark_scores(settings: Settings, *, is_migrated: bool) -> Iterator[str]:
    """Mark scores of earlier releases as in sample or out of sample, by their packages, and say how many.

    A score whose package is missing or damaged, or has no such facts, stays unknown.
    """
    engine, marked = warehouse.engine(settings.warehouse_url), 0
    for digest in warehouse.unmarked_models(engine):
        learned = scoring_package.read_learned(digest, settings)
        marked += warehouse.mark(engine, digest, learned.until, is_complete=learned.is_complete).scores
    unknown = warehouse.count_unmarked(engine)
    if marked or (is_migrated and unknown):
        rest = f"; of {unknown:,} it is not known, because their package cannot be read" if unknown else ""
        yield f"{marked:,} scores are marked as in sample or out of sample{rest}"
