"""The word `ratchet migrate`: everything that an installation holds, brought to other addresses and held against them."""

from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from include.cli.console import plainly, wide
from ml.errors import DataError, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from include.installation import House
    from include.steps.migrate import Arrived, Move, Planned

_SHORT = 12


@plainly
def migrate(
    to: Annotated[Path | None, typer.Option(help="A file of variables, as .env is one: where everything goes.")] = None,
    from_: Annotated[Path | None, typer.Option("--from", help="Or such a file of where everything is.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what would be brought, and whether it may be.")] = False,
    landing: Annotated[bool, typer.Option(help="Bring the files that landed, too.")] = True,
    with_secrets: Annotated[
        bool, typer.Option(help="Bring the keys that sign approvals, packages and routing, too.")
    ] = False,
    idle: Annotated[bool, typer.Option(help="Do not look whether anything runs: I know that nothing does.")] = False,
) -> None:
    """Move house: bring warehouse, ledger, lake, packages, registry and keys to other addresses, and verify them there.

    The other end is this process's environment. Nothing is removed where it was; stopped anywhere, the same command goes on.
    """
    from include import installation
    from include.steps import migrate as migration

    source, target = _ends(to, from_)
    with installation.both(source, target):
        move = migration.of(source, target, landing=landing, secrets=with_secrets)
        if not idle:
            migration.require_idle(move, datetime.now(UTC))
        console = wide()
        console.print(_planned(move.plan()))
        for line in _told(move, with_secrets=with_secrets, landing=landing):
            console.print(line, highlight=False)
        if dry_run:
            return
        _bring(move)
        found = move.verify()
        console.print(_verified(found))
    _require_equal(found)
    console.print(f"moved: {len(found)} parts are equal at both ends; what was here is still here", highlight=False)


def _ends(to: Path | None, from_: Path | None) -> "tuple[House, House]":
    from include import installation

    if to is not None and from_ is None:
        return installation.here(), installation.of(to)
    if from_ is not None and to is None:
        return installation.of(from_), installation.here()
    raise RequestError("say where to, by --to FILE, or where from, by --from FILE: one of the two, the other is here")


def _bring(move: "Move") -> None:
    console = wide()
    for name, stretches in groupby(move.bring(), key=lambda each: each[0].name):
        console.print(f"{name}: {sum(count for _, count in stretches)} brought", highlight=False)


def _told(move: "Move", *, with_secrets: bool, landing: bool) -> "Iterable[str]":
    if move.staying:
        yield f"at the same address, so it stays: {', '.join(move.staying)}"
    if not landing:
        yield "files that landed are left: no night can be ingested again there"
    if with_secrets:
        yield "the keys that sign approvals, packages and routing are brought: whoever reads them there can sign for you"
    else:
        yield "keys that sign are left (--with-secrets brings them): approvals given here do not count there, new ones do"


def _planned(planned: "Iterable[Planned]") -> Table:
    shown = Table("part", "from", "to", "to bring", "changed since", "gone since", box=box.SIMPLE)
    for each in planned:
        counts = (str(count) for count in (each.new, each.changed, each.gone))
        shown.add_row(each.part.name, *each.part.addresses, *counts)
    return shown


def _verified(found: "Iterable[Arrived]") -> Table:
    shown = Table("part", "here", "there", "SHA-256 here", "SHA-256 there", "", box=box.SIMPLE)
    for each in found:
        counts = str(each.here.count), str(each.there.count)
        digests = each.here.digest[:_SHORT], each.there.digest[:_SHORT]
        shown.add_row(each.part.name, *counts, *digests, "equal" if each.is_equal else "NOT EQUAL")
    return shown


def _require_equal(found: "Iterable[Arrived]") -> None:
    differ = [each.part.name for each in found if not each.is_equal]
    if differ:
        raise DataError(
            f"expected both ends to be equal, but {', '.join(differ)} are not: something wrote at one of them meanwhile, or "
            "a copy was damaged. Let nothing run, and run this again; if it stays so, begin with an empty target"
        )
