"""The names by which DAGs hand over."""

from include import assets


def test_a_name_says_use_case_and_stage() -> None:
    assert assets.name("taxi", assets.FEATURES) == "taxi_features"
    assert assets.uri("taxi", assets.FEATURES) == "ratchet://taxi/features"


def test_no_two_stages_share_a_name() -> None:
    stages = (assets.FEATURES, assets.SCORES, assets.RETRAIN, assets.CHALLENGER, assets.CHAMPION)
    assert len({assets.name("taxi", stage) for stage in stages}) == len(stages)
