"""`ratchet scores`, `publish`, `rescore`, `intraday`: read, publish and repeat nightly scores, and live snapshots."""

import getpass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from include.cli import nights
from include.cli.console import DEFAULT_USE_CASE, ModelName, UseCaseName, report_errors, takes_horizon, with_warehouse

if TYPE_CHECKING:
    import pandas as pd

_DEFAULT_USER_HELP = "the user of this machine if omitted."


@takes_horizon
@report_errors
@with_warehouse
def scores(
    use_case: ModelName = DEFAULT_USE_CASE,
    out: Annotated[Path | None, typer.Option(help="The Parquet file to write them to.")] = None,
    explanations: Annotated[
        Path | None, typer.Option(help="The Parquet file to write their stored explanations to.")
    ] = None,
) -> None:
    """Show the night of the latest published scores, and write them to a file; in-sample scores are warned of."""
    from include import usecases
    from include.settings import load_settings
    from include.stores import warehouse
    from ml.errors import RequestError
    from ml.packaging import learned_span

    latest = warehouse.latest_scores(warehouse.engine(load_settings().warehouse_url), usecases.get(use_case).name)
    if latest.empty:
        raise RequestError(f"no score of {use_case} was issued yet: a night is scored once there is a champion")
    if out is not None:
        latest.to_parquet(out, index=False)
    typer.echo(f"{len(latest)} scores of {latest['night'].iloc[0]}" + (f": {out}" if out else ""))
    if explanations is not None:
        _write_explanations(use_case, latest, explanations)
    marks = {None: int(latest["out_of_sample"].isna().sum()), False: int((~latest["out_of_sample"]).sum())}
    counts = learned_span.count({**marks, True: len(latest) - sum(marks.values())})
    if counts.is_mixed:
        _warn(f"{counts.describe('scores')}: their model learned from that night, or may have (column out_of_sample)")


@takes_horizon
@report_errors
@with_warehouse
def publish(
    use_case: ModelName,
    night: Annotated[str, typer.Argument(help="The night whose scores are held back.")],
    why: Annotated[str, typer.Option(help="The reason, for the ledger.")],
    who: Annotated[str, typer.Option(help=f"The name of the person who is responsible; {_DEFAULT_USER_HELP}")] = "",
) -> None:
    """Publish the scores of a night that are held back, unchanged; the ledger records who and why."""
    from include.steps.score import publication_gate, score

    nights.past(use_case, night)
    publication_gate.override(use_case, night, who or getpass.getuser(), why)
    typer.echo(
        f"{score.score(use_case, night)} scores of {night} are published; start the DAG {use_case}_monitor for them"
    )


@takes_horizon
@report_errors
@with_warehouse
def rescore(
    use_case: ModelName,
    first_night: Annotated[str, typer.Argument(help="The first night (2013-02-01).")],
    last_night: Annotated[str, typer.Argument(help="The last night, inclusive.")],
    why: Annotated[str, typer.Option(help="The reason, for the ledger.")],
    package: Annotated[
        str, typer.Option(help="champion, each-night (the champion of each night), or a digest.")
    ] = "champion",
    who: Annotated[str, typer.Option(help=f"The name of the person who requests it; {_DEFAULT_USER_HELP}")] = "",
) -> None:
    """Score nights again into a separate table; after an interruption, the same command continues.

    Nights that the package learned from are warned of, with counts.
    """
    from include.steps.context import StepContext
    from include.steps.score import rescore as step

    nights.past(use_case, f"{first_night}..{last_night}")
    chunks = step.plan(use_case, first_night, last_night, package, who or getpass.getuser(), why, _warn)
    rows = sum(step.rescore(use_case, each) for each in chunks)
    uri = step.address(StepContext.load(use_case), chunks[0].package)
    typer.echo(f"{rows} rows of {first_night} to {last_night}: {uri}")


@report_errors
@with_warehouse
def intraday(
    use_case: UseCaseName,
    moment: Annotated[datetime, typer.Argument(help="In the time of the data (UTC), e.g. 2013-02-08T14:15:00.")],
) -> None:
    """Ingest data up to a moment and publish a live snapshot of its entities."""
    from include.steps.ingest import intraday as step

    rows = step.refresh(use_case, nights.past_moment(moment))
    typer.echo(f"the live snapshot has {rows} entities as of {moment}")


def _write_explanations(use_case: str, latest: "pd.DataFrame", out: Path) -> None:
    from include.steps.context import StepContext
    from include.steps.score import explanations as step
    from include.stores import lake
    from ml.errors import RequestError

    night = str(latest["night"].iloc[0])
    rows = lake.read(step.address(StepContext.load(use_case)), night, night)
    if rows.empty:
        raise RequestError(
            f"expected stored explanations of the scores of {night}, but there are none: declare "
            "explanations=Explanations() in the use case, and score the night again"
        )
    explained = rows.merge(latest[["entity", "model_digest"]], validate="m:1")
    explained.to_parquet(out, index=False)
    typer.echo(f"{len(explained)} rows that explain {explained['entity'].nunique()} of them: {out}")


def _warn(text: str) -> None:
    typer.echo(f"Warning: {text}", err=True)
