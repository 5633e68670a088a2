"""LightGBM trees evaluated by NumPy: parsed from the model text, in double precision, summed in LightGBM's order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ml.arrays import Booleans, Floats, Integers
from ml.errors import PackageError

NEAR_ZERO = float(np.float32(1e-35))  # LightGBM's kZeroThreshold: smaller absolute values are treated as zero
_CATEGORY, _DEFAULT_LEFT, _MISSING_BITS = 1, 2, 2  # the bits of a decision_type
_NO_MISSING, _ZERO_IS_MISSING = 0, 1
_WORD_BITS = 32
_MAX_PAIRS_PER_CHUNK = 200_000  # pairs of row and tree; their state fits into the processor's cache


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """A split of a tree.

    Numbers up to `threshold` go left, and missing ones if `missing_left`. For a category, the `levels` go left; a
    missing value is none of them. `left` and `right` are the index of the next split, or, if negative, the bitwise
    complement (~) of the index of a leaf.
    """

    feature: int
    threshold: float
    levels: tuple[int, ...] | None
    missing_left: bool
    zero_is_missing: bool
    left: int
    right: int


@dataclass(frozen=True, kw_only=True)
class Forest:
    """The splits of all trees, one tree after the other, and their leaves in the same order.

    `roots` has the index of each tree's first split, or the complement (~) of a leaf's index for a tree without splits.
    """

    roots: tuple[int, ...]
    splits: tuple[Split, ...]
    leaves: tuple[float, ...]

    def raw(self, features: Floats) -> Floats:
        """Return raw scores of shape (n,) for encoded features of shape (n, columns), bit for bit those of LightGBM.

        >>> stump = Split(
        ...     feature=0, threshold=2.5, levels=None, missing_left=True, zero_is_missing=False, left=~0, right=~1
        ... )
        >>> forest = Forest(roots=(0,), splits=(stump,), leaves=(-0.5, 0.5))
        >>> forest.raw(np.array([[2.5], [3.0], [np.nan]])).tolist()
        [-0.5, 0.5, -0.5]
        """
        if not self.roots:
            return np.zeros(len(features))
        values = np.where(np.abs(features) <= NEAR_ZERO, 0.0, features)
        step = max(1, _MAX_PAIRS_PER_CHUNK // len(self.roots))
        chunks = (values[start : start + step] for start in range(0, len(values), step))
        leaf_indices = [
            self._leaf_indices_of_row(each) if len(each) == 1 else self._leaf_indices(each) for each in chunks
        ]
        return np.concatenate([np.zeros(0), *(_sequential_sum(self._arrays.leaves[each]) for each in leaf_indices)])

    def _leaf_indices(self, values: Floats) -> Integers:
        """Return the index of the leaf that each row reaches in each tree, shape (n, trees)."""
        arrays, trees = self._arrays, len(self.roots)
        nodes = np.tile(arrays.roots, len(values))
        active = np.flatnonzero(nodes >= 0)
        while len(active):
            splits = nodes[active]
            goes_left = arrays.go_left(values[active // trees, arrays.features[splits]], splits)
            nodes[active] = np.where(goes_left, arrays.left[splits], arrays.right[splits])
            active = active[nodes[active] >= 0]
        return ~nodes.reshape(-1, trees)

    def _leaf_indices_of_row(self, values: Floats) -> Integers:
        """Return the same for one row; it evaluates all splits at once, which takes fewer calls of NumPy."""
        arrays = self._arrays
        goes_left = arrays.go_left(values[0, arrays.features], arrays.split_indices)
        next_nodes = np.where(goes_left, arrays.left, arrays.right)
        nodes = arrays.roots
        while (nodes >= 0).any():
            nodes = np.where(nodes < 0, nodes, next_nodes[np.maximum(nodes, 0)])
        return ~nodes[None]

    @cached_property
    def _arrays(self) -> "_Arrays":
        return _Arrays.from_forest(self)


@dataclass(frozen=True, kw_only=True)
class _Arrays:
    """A forest as NumPy arrays; the levels of all categorical splits are in one flat array of flags."""

    roots: Integers
    split_indices: Integers
    features: Integers
    thresholds: Floats
    left: Integers
    right: Integers
    missing_left: Booleans
    zero_is_missing: Booleans
    is_category: Booleans
    starts: Integers
    widths: Integers
    levels: Booleans
    leaves: Floats

    @classmethod
    def from_forest(cls, forest: Forest) -> "_Arrays":
        splits = forest.splits
        flags = [np.isin(np.arange(max(each.levels, default=0) + 1), each.levels) for each in splits if each.levels]
        widths = np.array([max(each.levels) + 1 if each.levels else 0 for each in splits], np.int64)
        return cls(
            roots=np.array(forest.roots, np.int64),
            split_indices=np.arange(len(splits)),
            features=np.array([each.feature for each in splits], np.int64),
            thresholds=np.array([each.threshold for each in splits], np.float64),
            left=np.array([each.left for each in splits], np.int64),
            right=np.array([each.right for each in splits], np.int64),
            missing_left=np.array([each.missing_left for each in splits], np.bool_),
            zero_is_missing=np.array([each.zero_is_missing for each in splits], np.bool_),
            is_category=np.array([each.levels is not None for each in splits], np.bool_),
            starts=np.asarray(np.cumsum(widths) - widths, np.int64),
            widths=widths,
            levels=np.concatenate([*flags, np.zeros(1, np.bool_)]),
            leaves=np.array(forest.leaves, np.float64),
        )

    def go_left(self, values: Floats, splits: Integers) -> Booleans:
        """Return whether each value goes left at its split."""
        missing = np.isnan(values) | (self.zero_is_missing[splits] & (values == 0))
        goes_left: Booleans = np.where(missing, self.missing_left[splits], values <= self.thresholds[splits])
        categories = np.flatnonzero(self.is_category[splits])
        if len(categories):
            goes_left[categories] = self._are_members(values[categories], splits[categories])
        return goes_left

    def _are_members(self, values: Floats, splits: Integers) -> Booleans:
        levels = np.where(np.isnan(values), -1.0, values).astype(np.int64)
        in_range = (levels >= 0) & (levels < self.widths[splits])
        return in_range & self.levels[np.where(in_range, self.starts[splits] + levels, -1)]


def parse(text: str) -> Forest:
    """Return the forest of LightGBM's model text; raises PackageError for kinds of trees that Ratchet does not fit."""
    head, *trees = text.partition("\nend of trees")[0].split("\nTree=")
    header = _fields(head)
    if (header.get("num_class"), header.get("num_tree_per_iteration")) != (
        "1",
        "1",
    ) or "average_output" in head.split():
        raise PackageError(
            "expected trees whose sum is one score, got trees of several classes or an average: use the model server"
        )
    roots: list[int] = []
    splits: list[Split] = []
    leaves: list[float] = []
    for tree in map(_fields, trees):
        if tree.get("is_linear", "0") != "0":
            raise PackageError("expected trees with constant leaves, got linear ones: use the model server")
        grown = list(_splits(tree, len(splits), len(leaves)))
        roots.append(len(splits) if grown else ~len(leaves))
        splits += grown
        leaves += map(float, tree["leaf_value"].split())
    return Forest(roots=tuple(roots), splits=tuple(splits), leaves=tuple(leaves))


def _sequential_sum(leaves: Floats) -> Floats:
    """Return the sum over trees, (n,), of leaves (n, trees), added in LightGBM's order.

    NumPy's pairwise sum would differ in the last bits.
    """
    return np.asarray(np.add.accumulate(leaves, axis=1)[:, -1], np.float64)


def _fields(block: str) -> dict[str, str]:
    lines = (line.partition("=") for line in block.splitlines())
    return {name: value for name, _, value in lines}


def _splits(tree: Mapping[str, str], split_offset: int, leaf_offset: int) -> Iterator[Split]:
    """Yield the splits of one tree; indices count from the given offsets, the numbers of earlier splits and leaves."""
    names = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
    cells = zip(*(tree.get(name, "").split() for name in names), strict=True)
    bounds, words = ([int(each) for each in tree.get(name, "").split()] for name in ("cat_boundaries", "cat_threshold"))
    for feature, threshold_text, decision, *children in cells:
        bits, threshold = int(decision), float(threshold_text)
        missing, levels = bits >> _MISSING_BITS, None
        if bits & _CATEGORY:
            index = int(threshold)
            levels = tuple(_levels(words[bounds[index] : bounds[index + 1]]))
        left, right = (index + split_offset if (index := int(each)) >= 0 else index - leaf_offset for each in children)
        yield Split(
            feature=int(feature),
            threshold=threshold,
            levels=levels,
            missing_left=threshold >= 0 if missing == _NO_MISSING else bool(bits & _DEFAULT_LEFT),
            zero_is_missing=missing == _ZERO_IS_MISSING,
            left=left,
            right=right,
        )


def _levels(words: list[int]) -> Iterator[int]:
    """Yield the positions of the bits that are set in a sequence of 32-bit words.

    >>> list(_levels([0b101, 0b1]))
    [0, 2, 32]
    """
    for word_index, word in enumerate(words):
        yield from (word_index * _WORD_BITS + bit for bit in range(_WORD_BITS) if word >> bit & 1)
