"""`ratchet migrate`: copy everything of an installation to other addresses, and verify the copies."""

from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from include.cli.console import report_errors, table_console
from ml.errors import DataError, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.installation import Installation
    from include.steps.migrate import Migration, PartComparison, PartPlan

_SHORT = 12


@report_errors
def migrate(
    to: Annotated[Path | None, typer.Option(help="A file of variables like .env, with the target's addresses.")] = None,
    from_: Annotated[Path | None, typer.Option("--from", help="Or such a file with the source's addresses.")] = None,
    dry_run: Annotated[
        bool, typer.Option(help="Only report what would be copied, and whether that is possible.")
    ] = False,
    landing: Annotated[bool, typer.Option(help="Also copy the landed files.")] = True,
    with_secrets: Annotated[
        bool, typer.Option(help="Also copy the keys that sign approvals, packages and routing.")
    ] = False,
    assume_idle: Annotated[bool, typer.Option(help="Do not check that nothing is running.")] = False,
) -> None:
    """Migrate an installation: copy warehouse, ledger, lake, packages, registry, keys to other addresses, and verify.

    The environment of this process is the other end. Nothing is removed from the source. After an interruption, the
    same command continues.
    """
    from include import installation
    from include.steps import migrate as migration

    source, target = _source_and_target(to, from_)
    with installation.use_credentials(source, target):
        move = migration.create(source, target, landing=landing, secrets=with_secrets)
        if not assume_idle:
            migration.check_idle(move, datetime.now(UTC))
        console = table_console()
        console.print(_plan_table(move.plan()))
        for line in _notices(move, with_secrets=with_secrets, landing=landing):
            console.print(line, highlight=False)
        if dry_run:
            return
        _copy(move)
        comparisons = move.verify()
        console.print(_comparison_table(comparisons))
    _require_equal(comparisons)
    console.print(
        f"migrated: {len(comparisons)} parts are equal at both ends; the source is unchanged", highlight=False
    )


def _source_and_target(to: Path | None, from_: Path | None) -> "tuple[Installation, Installation]":
    from include import installation

    if to is not None and from_ is None:
        return installation.current(), installation.from_file(to)
    if from_ is not None and to is None:
        return installation.from_file(from_), installation.current()
    raise RequestError(
        "expected either --to FILE or --from FILE: the environment of this process is the other end of the migration"
    )


def _copy(move: "Migration") -> None:
    console = table_console()
    for name, batches in groupby(move.run(), key=lambda each: each[0].name):
        console.print(f"{name}: {sum(count for _, count in batches)} copied", highlight=False)


def _notices(move: "Migration", *, with_secrets: bool, landing: bool) -> "Iterable[str]":
    if move.unchanged:
        yield f"not copied, same address at both ends: {', '.join(move.unchanged)}"
    if not landing:
        yield "landed files are not copied: the target cannot ingest these nights again"
    if with_secrets:
        yield "the signing keys of approvals, packages and routing are copied: whoever can read them there can sign"
    else:
        yield (
            "signing keys are not copied (--with-secrets copies them): the target does not accept approvals given "
            "here, only new ones"
        )


def _plan_table(plan: "Iterable[PartPlan]") -> Table:
    table = Table("part", "from", "to", "new", "changed", "removed", box=box.SIMPLE)
    for each in plan:
        counts = (str(count) for count in (each.new, each.changed, each.removed))
        table.add_row(each.part.name, *each.part.addresses, *counts)
    return table


def _comparison_table(comparisons: "Iterable[PartComparison]") -> Table:
    table = Table("part", "source", "target", "SHA-256 source", "SHA-256 target", "", box=box.SIMPLE)
    for each in comparisons:
        counts = str(each.source.count), str(each.target.count)
        digests = each.source.digest[:_SHORT], each.target.digest[:_SHORT]
        table.add_row(each.part.name, *counts, *digests, "equal" if each.is_equal else "NOT EQUAL")
    return table


def _require_equal(comparisons: "Iterable[PartComparison]") -> None:
    differ = [each.part.name for each in comparisons if not each.is_equal]
    if differ:
        raise DataError(
            f"expected both ends to be equal, but these parts differ: {', '.join(differ)}. Something wrote to one end "
            "during the migration, or a copy was damaged. Stop everything that uses them and repeat the command; if "
            "they still differ, start with an empty target"
        )
