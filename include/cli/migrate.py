"""The word `ratchet migrate`: everything that an installation holds, brought to other addresses and held against them."""

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
    to: Annotated[Path | None, typer.Option(help="A file of variables, as .env is one: where everything goes.")] = None,
    from_: Annotated[Path | None, typer.Option("--from", help="Or such a file of where everything is.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what would be brought, and whether it may be.")] = False,
    landing: Annotated[bool, typer.Option(help="Bring the files that landed, too.")] = True,
    with_secrets: Annotated[
        bool, typer.Option(help="Bring the keys that sign approvals, packages and routing, too.")
    ] = False,
    assume_idle: Annotated[
        bool, typer.Option(help="Do not check whether anything runs: I know that nothing does.")
    ] = False,
) -> None:
    """Migrate an installation: copy warehouse, ledger, lake, packages, registry and keys to other addresses and verify them.

    The other end is this process's environment. Nothing is removed where it was; stopped anywhere, the same command goes on.
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
        f"moved: {len(comparisons)} parts are equal at both ends; what was here is still here", highlight=False
    )


def _source_and_target(to: Path | None, from_: Path | None) -> "tuple[Installation, Installation]":
    from include import installation

    if to is not None and from_ is None:
        return installation.current(), installation.from_file(to)
    if from_ is not None and to is None:
        return installation.from_file(from_), installation.current()
    raise RequestError("say where to, by --to FILE, or where from, by --from FILE: one of the two, the other is here")


def _copy(move: "Migration") -> None:
    console = table_console()
    for name, batches in groupby(move.run(), key=lambda each: each[0].name):
        console.print(f"{name}: {sum(count for _, count in batches)} brought", highlight=False)


def _notices(move: "Migration", *, with_secrets: bool, landing: bool) -> "Iterable[str]":
    if move.unchanged:
        yield f"at the same address, so it stays: {', '.join(move.unchanged)}"
    if not landing:
        yield "files that landed are left: no night can be ingested again there"
    if with_secrets:
        yield "the keys that sign approvals, packages and routing are brought: whoever reads them there can sign for you"
    else:
        yield "keys that sign are left (--with-secrets brings them): approvals given here do not count there, new ones do"


def _plan_table(plan: "Iterable[PartPlan]") -> Table:
    table = Table("part", "from", "to", "to bring", "changed since", "gone since", box=box.SIMPLE)
    for each in plan:
        counts = (str(count) for count in (each.new, each.changed, each.removed))
        table.add_row(each.part.name, *each.part.addresses, *counts)
    return table


def _comparison_table(comparisons: "Iterable[PartComparison]") -> Table:
    table = Table("part", "here", "there", "SHA-256 here", "SHA-256 there", "", box=box.SIMPLE)
    for each in comparisons:
        counts = str(each.source.count), str(each.target.count)
        digests = each.source.digest[:_SHORT], each.target.digest[:_SHORT]
        table.add_row(each.part.name, *counts, *digests, "equal" if each.is_equal else "NOT EQUAL")
    return table


def _require_equal(comparisons: "Iterable[PartComparison]") -> None:
    differ = [each.part.name for each in comparisons if not each.is_equal]
    if differ:
        raise DataError(
            f"expected both ends to be equal, but {', '.join(differ)} are not: something wrote at one of them meanwhile, or "
            "a copy was damaged. Let nothing run, and run this again; if it stays so, begin with an empty target"
        )
