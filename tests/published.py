"""Scores of one model, published as a night's step does."""

from datetime import date, datetime

import pandas as pd
import sqlalchemy as sa

from include.stores import warehouse


def publish(
    engine: sa.Engine,
    use_case: str,
    night: date,
    digest: str,
    frame: pd.DataFrame,
    published_at: datetime,
    features_version: int | None = None,
    out_of_sample: bool | None = True,
) -> int:
    """Publish the columns `entity` and `score` of `frame` as scores of the package `digest`; return how many are new."""
    part = frame[["entity", "score"]].assign(model_digest=digest)
    return warehouse.publish_scores(
        engine, use_case, night, [part], published_at, features_version, {digest: out_of_sample}
    )
