"""The files of a use case that can be pruned: reports, backtests, studies, candidate files, landed files."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from include.steps.prune.part import PrunablePart, PruneContext
from include.stores import ledger, report_paths
from include.stores.files import object_trees
from ml.errors import RequestError
from ml.governance.ledger_entries import EntryKind
from ml.governance.pruning import PruneItem
from ml.usecase import periods

_DRIFT, _INTRADAY, _INTRADAY_NIGHTS = "drift", "intraday", 2
_NIGHT = re.compile(r"\d{4}-\d{2}-\d{2}")


def reports(context: PruneContext) -> PrunablePart:
    """Return the pages of nights; those about the training of a released package stay, except drift pages."""
    settings, name = context.step.settings, context.step.case.name
    root = settings.reports / name
    items = [
        PruneItem(name=path, night=night, size_bytes=size)
        for path, size in sorted(object_trees.sizes(root).items())
        if (night := night_of(path.split("/")[0])) is not None
    ]
    judged = ledger.entries(context.step.engine, use_case=name, kind=EntryKind.JUDGED)
    nights = {each.night for each in judged if each.subject in context.needs.pinned}
    pinned = {
        each.name: "of a package that was released or is live"
        for each in items
        if each.night in nights and not each.name.split("/")[-1].startswith(_DRIFT)
    }
    return PrunablePart(
        name="reports",
        items=items,
        first_kept=context.first_kept(context.step.case.retention.reports),
        remove=lambda removed: object_trees.remove(root, [each.name for each in removed]),
        pinned=pinned,
    )


def backtests(context: PruneContext) -> PrunablePart:
    """Return the pages and trainings of backtests, by the day of their last change."""
    settings, name = context.step.settings, context.step.case.name
    folders = [
        folder
        for root in (report_paths.backtests(settings.reports, name), settings.backtests / name)
        if root.is_dir()
        for folder in sorted(root.iterdir())
        if folder.is_dir() and not folder.is_symlink()
    ]
    return PrunablePart(
        name="backtests",
        items=list(_folder_items(context, folders)),
        first_kept=context.first_kept_day(context.step.case.retention.candidates),
        remove=_remove_paths,
    )


def training_files(context: PruneContext) -> PrunablePart:
    """Return tuning studies, and candidate files that an interrupted training left."""
    settings, name = context.step.settings, context.step.case.name
    studies, candidates = settings.studies / name, settings.candidate_files / name
    paths = [path for root in (studies, candidates) if root.is_dir() for path in sorted(root.iterdir())]
    nights = {path: night for path in paths if (night := _night_in(path.name)) is not None}
    return PrunablePart(
        name="training files",
        items=[
            PruneItem(name=str(path), night=night, size_bytes=_size(path))
            for path, night in nights.items()
            if context.is_settled(path.lstat().st_mtime)
        ],
        first_kept=context.first_kept(context.step.case.retention.candidates),
        remove=_remove_paths,
    )


def intraday_files(context: PruneContext) -> PrunablePart:
    """Return the intraday files of nights: the files of the night itself contain them again."""
    root = f"{_landing_root(context)}/{_INTRADAY}"
    return PrunablePart(
        name="intraday files",
        items=_landed_items(root),
        first_kept=context.first_kept(_INTRADAY_NIGHTS),
        remove=lambda removed: object_trees.remove(root, [each.name for each in removed]),
    )


def landing(context: PruneContext) -> PrunablePart:
    """Return the landed files; those that were not ingested yet stay."""
    root, case = _landing_root(context), context.step.case
    items = _landed_items(root)
    validated = ledger.entries(context.step.engine, use_case=case.name, kind=EntryKind.VALIDATED)
    ingested = {each.subject for each in validated}
    return PrunablePart(
        name="landing",
        items=items,
        first_kept=context.first_kept(case.retention.landing),
        remove=lambda removed: object_trees.remove(root, [each.name for each in removed]),
        pinned={each.name: "was not ingested yet" for each in items if each.name.split("/")[0] not in ingested},
    )


def nights_left(context: PruneContext) -> set[date]:
    """Return the last nights of the periods whose files are still in the landing area after this prune."""
    part = landing(context)
    return {each.night for each in part.items} - {each.night for each in part.plan().removed}


def _landing_root(context: PruneContext) -> str:
    return f"{context.step.settings.landing.rstrip('/')}/{context.step.case.name}"


def _landed_items(root: str) -> list[PruneItem]:
    return [
        PruneItem(name=name, night=night, size_bytes=size)
        for name, size in sorted(object_trees.sizes(root).items())
        if (night := night_of(name.split("/")[0])) is not None
    ]


def _folder_items(context: PruneContext, folders: Iterable[Path]) -> Iterator[PruneItem]:
    for folder in folders:
        changed = max((path.lstat().st_mtime for path in (folder, *folder.rglob("*"))), default=0.0)
        if context.is_settled(changed):
            day = datetime.fromtimestamp(changed, UTC).date()
            yield PruneItem(name=str(folder), night=day, size_bytes=_size(folder))


def _remove_paths(removed: Sequence[PruneItem]) -> None:
    for each in removed:
        object_trees.remove_tree(each.name)


def _size(path: Path) -> int:
    return sum(object_trees.sizes(path).values()) if path.is_dir() else path.lstat().st_size


def night_of(text: str) -> date | None:
    """Return the last night of a period's name; None for another text."""
    try:
        return periods.parse(text).last
    except RequestError:
        return None


def _night_in(name: str) -> date | None:
    """Return the night in the name of a study ("logistic-2024-03-16-1a2b.log") or of a folder of candidate files."""
    match = _NIGHT.search(name)
    return None if match is None else night_of(match[0])
