"""The name of a model is taken apart into what it was made of."""

from hypothesis import given
from hypothesis import strategies as st

from ml.usecase import model_names
from ml.usecase.declaration import NAME

NAMES = st.from_regex(NAME, fullmatch=True)


@given(NAMES, NAMES)
def test_a_joined_name_is_split_into_its_parts(dataset: str, horizon: str) -> None:
    name = model_names.join(dataset, horizon)
    assert model_names.split(name) == (dataset, horizon)
    assert model_names.dataset_of(name) == dataset


@given(NAMES)
def test_a_declared_name_is_its_own_dataset(dataset: str) -> None:
    assert model_names.split(dataset) == (dataset, "")
