"""The trainings of a use case that can be pruned: MLflow's runs, and packages with their model versions."""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from include.steps.prune.part import PrunablePart, PruneContext
from include.stores import packages
from include.stores.files import object_trees
from include.stores.registry import removal
from ml.governance.pruning import PruneItem
from ml.scoring.package_reader import MANIFEST


def runs(context: PruneContext) -> PrunablePart:
    """Return MLflow's runs; those of packages that must stay are pinned."""
    settings, name = context.step.settings, context.step.case.name
    registered = removal.runs(settings, name)
    return PrunablePart(
        name="runs",
        items=[
            PruneItem(name=each.run_id, night=each.night, size_bytes=each.size_bytes)
            for each in registered
            if context.is_settled(each.started)
        ],
        first_kept=context.first_kept(context.step.case.retention.candidates),
        remove=lambda removed: removal.remove_runs(settings, name, [each.name for each in removed]),
        pinned={
            each.run_id: f"its package {context.needs.pinned[each.package]}"
            for each in registered
            if each.package in context.needs.pinned
        },
    )


def package_store(context: PruneContext) -> PrunablePart:
    """Return the packages of the use case, each with its version in MLflow, which is removed first."""
    settings, name = context.step.settings, context.step.case.name
    copies = removal.version_sizes(settings, name)

    def remove(removed: Sequence[PruneItem]) -> None:
        removal.remove_packages(settings, name, [each.name for each in removed])
        for each in removed:
            packages.remove(settings.packages, each.name)

    return PrunablePart(
        name="packages",
        items=[
            PruneItem(
                name=folder.name,
                night=night,
                size_bytes=sum(object_trees.sizes(folder).values()) + copies.get(folder.name, 0),
            )
            for folder, night in package_folders(settings.packages, name)
            if context.is_settled(folder.stat().st_mtime)
        ],
        first_kept=context.first_kept(context.step.case.retention.candidates),
        remove=remove,
        pinned=context.needs.pinned,
    )


def package_folders(root: Path, use_case: str) -> Iterator[tuple[Path, date]]:
    """Yield the folder of each package that its manifest says is of `use_case`, and the night of its training."""
    for folder in sorted(root.glob("[!.]*")):
        try:
            facts = json.loads((folder / MANIFEST).read_bytes())["facts"]
            if facts["use_case"] == use_case:
                yield folder, date.fromisoformat(str(facts["night"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no package, or a damaged one: whoever serves it is informed; it is not pruned
