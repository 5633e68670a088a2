"""A training's pictures are SVG, the same for the same numbers, and say which rows and groups they show."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from include.plotting import training_plots
from ml.evaluation import diagnostics
from ml.evaluation.diagnostics import Diagnostics
from ml.model_card import sections
from ml.usecase import EdgeCase, Fairness
from tests.ml.answers import YES_OR_NO, answered, zones
from tests.ml.usecase.test_use_case import use_case

SVG = "{http://www.w3.org/2000/svg}"


def result(nights: int = 7, a_night: int = 90, **fairness: int) -> Diagnostics:
    case = use_case(fairness=Fairness(group_by=("zone",), **fairness))
    rows = answered(nights, a_night)
    every = np.ones(len(rows.labels), bool)
    storm = {
        EdgeCase(name="storm", condition="is_storm", why="a test"): every,
        EdgeCase(name="x", condition="y", why="z"): ~every,
    }
    slices = {"zone=south": rows.frame["zone"].to_numpy() == "south"}
    return diagnostics.measure(
        case, YES_OR_NO, rows, rows, edge_cases=storm, slices=slices, levels=zones(rows), included=every
    )


def drawn(of: Diagnostics) -> dict[str, str]:
    return training_plots.draw(of, sections.pictures(of), YES_OR_NO)


@pytest.mark.parametrize("name", sections.PICTURES)
def test_every_picture_is_svg_with_the_page_showing_through(name: str) -> None:
    root = ET.fromstring(drawn(result())[name])
    assert root.tag == f"{SVG}svg"
    assert len(list(root.iter(f"{SVG}path"))) > 5
    assert "fill: #ffffff" not in drawn(result())[name]


def test_the_same_numbers_draw_the_same_pictures() -> None:
    assert drawn(result()) == drawn(result())


@pytest.mark.parametrize(
    ("nights", "a_night"), [(1, 9), (2, 30), (7, 400)], ids=["one night", "two nights", "many rows"]
)
def test_any_count_of_rows_is_drawn_without_complaint(nights: int, a_night: int) -> None:
    assert set(drawn(result(nights, a_night))) == set(sections.PICTURES)


def test_a_group_too_small_to_be_gated_looks_otherwise() -> None:
    small, large = (drawn(result(min_rows=rows))["fairness"] for rows in (400, 100))
    assert small != large
    assert "#3b82c4" not in small
