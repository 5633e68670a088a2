"""`ratchet scores` and `issue`: what readers of the nightly scores get, and to let withheld ones go."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from include.console import at_home, plainly

UseCaseName = Annotated[str, typer.Argument(help="A folder of include/usecases.")]
_EVERYBODY = "the user of this machine when left out."


@plainly
@at_home
def scores(
    use_case: UseCaseName = "flights",
    out: Annotated[Path | None, typer.Option(help="Write them there, as Parquet.")] = None,
) -> None:
    """Say which night's scores stand, and write them to a file."""
    from include import settings, usecases
    from include.stores import warehouse
    from ml.errors import RequestError

    found = warehouse.standing_scores(warehouse.engine(settings.load().warehouse_url), usecases.get(use_case).name)
    if found.empty:
        raise RequestError(f"no score of {use_case} was issued yet: a night is scored once there is a champion")
    if out is not None:
        found.to_parquet(out, index=False)
    typer.echo(f"{len(found)} scores of {found['night'].iloc[0]}" + (f": {out}" if out else ""))


@plainly
@at_home
def issue(
    use_case: UseCaseName,
    night: Annotated[str, typer.Argument(help="The night whose scores are withheld.")],
    why: Annotated[str, typer.Option(help="Why, for the ledger.")],
    who: Annotated[str, typer.Option(help=f"Who answers for it; {_EVERYBODY}")] = "",
) -> None:
    """Issue a night's withheld scores as they are; who and why go into the ledger."""
    from include.steps import issuing, score

    issuing.waive(use_case, night, who or getpass.getuser(), why)
    typer.echo(
        f"{score.score(use_case, night)} scores of {night} are issued; start the DAG {use_case}_monitor for them"
    )
