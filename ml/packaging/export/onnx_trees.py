"""Attributes of ONNX's TreeEnsemble operator (ai.onnx.ml 5); thresholds and leaves are in double precision."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from onnx import numpy_helper

from ml.arrays import Floats
from ml.errors import RequestError
from ml.scoring.numpy_trees import Forest, Split

_AT_MOST, _MEMBER = 0, 6  # node modes: value <= threshold, value in a set of levels
_SUM, _NO_TRANSFORM = 1, 0  # the leaves are summed, and the sum is not transformed
_PLACEHOLDER_SPLIT = Split(
    feature=0, threshold=0.0, levels=None, missing_left=True, zero_is_missing=False, left=-1, right=-1
)


def attributes(forest: Forest, first_level: int) -> dict[str, Any]:
    """Return the operator's attributes; the indices of category levels start at `first_level`.

    Splits are in preorder from each root, true side first: some runtimes read the sets of levels in the order of the
    list, others in the order of traversal. Raises RequestError for trees that treat zero as missing, for which ONNX has
    no node mode.
    """
    if any(each.zero_is_missing for each in forest.splits):
        raise RequestError(
            "expected trees that treat zero as a number, got trees fitted with zero_as_missing: export the wheel"
        )
    splits, roots = _ordered_splits(forest)
    return {
        "n_targets": 1,
        "aggregate_function": _SUM,
        "post_transform": _NO_TRANSFORM,
        "tree_roots": roots,
        "nodes_featureids": [each.feature for each in splits],
        "nodes_modes": numpy_helper.from_array(
            np.array([_AT_MOST if each.levels is None else _MEMBER for each in splits], np.uint8), "modes"
        ),
        "nodes_splits": _tensor([each.threshold if each.levels is None else 0.0 for each in splits], "splits"),
        "nodes_missing_value_tracks_true": [int(each.levels is None and each.missing_left) for each in splits],
        **_children("true", [each.left for each in splits]),
        **_children("false", [each.right for each in splits]),
        **_membership_values(splits, first_level),
        "leaf_targetids": [0] * len(forest.leaves),
        "leaf_weights": _tensor(forest.leaves, "leaves"),
    }


def _ordered_splits(forest: Forest) -> tuple[list[Split], list[int]]:
    """Return the splits in preorder, and the index of each tree's first split.

    A tree of a single leaf gets a split with that leaf on both sides.
    """
    ordered: list[Split] = []
    roots: list[int] = []
    for root in forest.roots:
        roots.append(len(ordered))
        if root < 0:
            ordered.append(replace(_PLACEHOLDER_SPLIT, left=root, right=root))
            continue
        order = list(_walk_preorder(forest, root))
        new_indices = {index: new_index for new_index, index in enumerate(order, start=len(ordered))}
        tree_splits = (forest.splits[index] for index in order)
        ordered += [
            replace(each, left=new_indices.get(each.left, each.left), right=new_indices.get(each.right, each.right))
            for each in tree_splits
        ]
    return ordered, roots


def _walk_preorder(forest: Forest, root: int) -> Iterator[int]:
    """Yield the indices of a tree's splits in preorder: the root, the left subtree, the right subtree."""
    pending = [root]
    while pending:
        index = pending.pop()
        yield index
        split = forest.splits[index]
        pending += [each for each in (split.right, split.left) if each >= 0]


def _children(side: str, children: list[int]) -> dict[str, list[int]]:
    """Return the targets of one side of the splits: indices of nodes, or of leaves where the flag is 1."""
    return {
        f"nodes_{side}nodeids": [each if each >= 0 else ~each for each in children],
        f"nodes_{side}leafs": [int(each < 0) for each in children],
    }


def _membership_values(splits: list[Split], first_level: int) -> dict[str, object]:
    """Return the concatenated sets of levels, each terminated by NaN; {} if there are none."""
    values = list(_level_values(splits, first_level))
    return {"membership_values": _tensor(values, "members")} if values else {}


def _level_values(splits: list[Split], first_level: int) -> Iterator[float]:
    for each in splits:
        if each.levels is not None:
            yield from (*(float(level + first_level) for level in each.levels), np.nan)


def _tensor(values: list[float] | tuple[float, ...], name: str) -> object:
    array: Floats = np.array(values, np.float64)
    return numpy_helper.from_array(array, name)
