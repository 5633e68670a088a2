"""The contract of the survey's files: the codebook's answers, and rules between answers.

All 277,677 persons of 2015 to 2018 satisfy every rule.
"""

from typing import Annotated

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from include.usecases.employment import codebook
from include.usecases.employment.codebook import Codes

Instant = Annotated[pd.DatetimeTZDtype, "ns", "UTC"]
_PERSON = {"str_matches": r"^\d{4}-\d{6}$"}


def _one_of(codes: Codes) -> list[str]:
    return list(codes.values())


class _StrictModel(pa.DataFrameModel):
    class Config:
        strict = True


class Person(_StrictModel):
    """One person of a month's panel, as known before the interview about work; `education_level` is SCHL, 0 to 24."""

    person_id: Series[str] = pa.Field(**_PERSON)
    panel_month: Series[pd.Timestamp]
    age_years: Series[float] = pa.Field(ge=0, le=99)
    education_level: Series[float] = pa.Field(ge=0, le=24)
    marital_status: Series[str] = pa.Field(isin=_one_of(codebook.MARITAL_STATUS))
    relationship: Series[str] = pa.Field(isin=_one_of(codebook.RELATIONSHIP))
    parents_in_labor_force: Series[str] = pa.Field(isin=_one_of(codebook.PARENTS_WORK))
    citizenship: Series[str] = pa.Field(isin=_one_of(codebook.CITIZENSHIP))
    lived_a_year_ago: Series[str] = pa.Field(isin=_one_of(codebook.LIVED_A_YEAR_AGO))
    military_service: Series[str] = pa.Field(isin=_one_of(codebook.MILITARY_SERVICE))
    ancestry: Series[str] = pa.Field(isin=_one_of(codebook.ANCESTRY))
    nativity: Series[str] = pa.Field(isin=_one_of(codebook.NATIVITY))
    disability: Series[str] = pa.Field(isin=_one_of(codebook.YES_NO))
    hearing_difficulty: Series[str] = pa.Field(isin=_one_of(codebook.YES_NO))
    vision_difficulty: Series[str] = pa.Field(isin=_one_of(codebook.YES_NO))
    cognitive_difficulty: Series[str] = pa.Field(isin=_one_of(codebook.COGNITIVE_DIFFICULTY))
    sex: Series[str] = pa.Field(isin=_one_of(codebook.SEX))
    race: Series[str] = pa.Field(isin=_one_of(codebook.RACE))

    @pa.dataframe_check(error="an answer is given by someone who is not asked, or the other way round")
    def ages_agree_with_who_is_asked(cls, rows: pd.DataFrame) -> "Series[bool]":
        age = rows["age_years"]
        return (
            ((rows["lived_a_year_ago"] == codebook.BORN_THIS_YEAR) == (age < 1))
            & ((rows["education_level"] == 0) == (age < 3))
            & ((rows["cognitive_difficulty"] == codebook.NOT_ASKED_UNDER_5) == (age < 5))
            & ((rows["military_service"] == codebook.NOT_ASKED_UNDER_17) == (age < 17))
        )

    @pa.dataframe_check(error="married, or head of a household, under 15")
    def children_are_children(cls, rows: pd.DataFrame) -> "Series[bool]":
        grown = rows["age_years"] >= 15
        return grown | ((rows["marital_status"] == "never married") & (rows["relationship"] != "reference person"))

    @pa.dataframe_check(error="the reference person's spouse is not married")
    def a_spouse_is_married(cls, rows: pd.DataFrame) -> "Series[bool]":
        return (rows["relationship"] != "spouse") | (rows["marital_status"] == "married")

    @pa.dataframe_check(error="the parents' work is given for someone aged 18 or more")
    def only_children_have_parents_at_work(cls, rows: pd.DataFrame) -> "Series[bool]":
        return (rows["age_years"] < 18) | (rows["parents_in_labor_force"] == codebook.PARENTS_WORK[0])

    @pa.dataframe_check(error="nativity contradicts citizenship")
    def nativity_agrees_with_citizenship(cls, rows: pd.DataFrame) -> "Series[bool]":
        return (rows["nativity"] == "foreign born") == rows["citizenship"].isin(["naturalized", "not a citizen"])

    @pa.dataframe_check(error="a difficulty without a disability")
    def a_difficulty_is_a_disability(cls, rows: pd.DataFrame) -> "Series[bool]":
        difficulties = rows[["hearing_difficulty", "vision_difficulty", "cognitive_difficulty"]] == "yes"
        return (rows["disability"] == "yes") | ~difficulties.any(axis=1)


class Interview(_StrictModel):
    """Whether the person was at work as a civilian in the week before, when the interview is coded."""

    person_id: Series[str] = pa.Field(**_PERSON)
    is_employed: Series[float] = pa.Field(isin=[0, 1])
    coded_at: Series[Instant]
