"""The codes of the American Community Survey and the answers that they stand for.

Source: PUMS data dictionaries 2015 to 2018. If the survey does not ask a person (a child's military service), the code
in these data is 0, and the answer here says who is not asked.
"""

Codes = dict[int, str]

NOT_ASKED_UNDER_5, NOT_ASKED_UNDER_17, BORN_THIS_YEAR = "under 5", "under 17", "under 1"
INSTITUTION, ACTIVE_DUTY = "institutional quarters", "on active duty"

MARITAL_STATUS: Codes = {1: "married", 2: "widowed", 3: "divorced", 4: "separated", 5: "never married"}
RELATIONSHIP: Codes = {
    0: "reference person",
    1: "spouse",
    2: "child",
    3: "adopted child",
    4: "stepchild",
    5: "sibling",
    6: "parent",
    7: "grandchild",
    8: "parent-in-law",
    9: "child-in-law",
    10: "other relative",
    11: "roomer",
    12: "housemate",
    13: "unmarried partner",
    14: "foster child",
    15: "other nonrelative",
    16: INSTITUTION,
    17: "other group quarters",
}
PARENTS_WORK: Codes = {
    0: "no child of the house",
    1: "both parents do",
    2: "two parents, only the father does",
    3: "two parents, only the mother does",
    4: "two parents, neither does",
    5: "one parent, the father does",
    6: "one parent, the father does not",
    7: "one parent, the mother does",
    8: "one parent, the mother does not",
}
CITIZENSHIP: Codes = {
    1: "born in the states",
    2: "born in the territories",
    3: "born abroad to citizens",
    4: "naturalized",
    5: "not a citizen",
}
LIVED_A_YEAR_AGO: Codes = {0: BORN_THIS_YEAR, 1: "same house", 2: "abroad", 3: "another house in the country"}
MILITARY_SERVICE: Codes = {
    0: NOT_ASKED_UNDER_17,
    1: ACTIVE_DUTY,
    2: "formerly on active duty",
    3: "training only",
    4: "never",
}
ANCESTRY: Codes = {1: "single", 2: "multiple", 3: "unclassified", 4: "not reported"}
NATIVITY: Codes = {1: "native", 2: "foreign born"}
YES_NO: Codes = {1: "yes", 2: "no"}
COGNITIVE_DIFFICULTY: Codes = {0: NOT_ASKED_UNDER_5, **YES_NO}
SEX: Codes = {1: "male", 2: "female"}
RACE: Codes = {
    1: "white",
    2: "black",
    3: "american indian",
    4: "alaska native",
    5: "american indian or alaska native, tribe not given",
    6: "asian",
    7: "pacific islander",
    8: "some other",
    9: "two or more",
}

ANSWERS: dict[str, tuple[str, Codes]] = {
    "marital_status": ("MAR", MARITAL_STATUS),
    "relationship": ("RELP", RELATIONSHIP),
    "parents_in_labor_force": ("ESP", PARENTS_WORK),
    "citizenship": ("CIT", CITIZENSHIP),
    "lived_a_year_ago": ("MIG", LIVED_A_YEAR_AGO),
    "military_service": ("MIL", MILITARY_SERVICE),
    "ancestry": ("ANC", ANCESTRY),
    "nativity": ("NATIVITY", NATIVITY),
    "disability": ("DIS", YES_NO),
    "hearing_difficulty": ("DEAR", YES_NO),
    "vision_difficulty": ("DEYE", YES_NO),
    "cognitive_difficulty": ("DREM", COGNITIVE_DIFFICULTY),
    "sex": ("SEX", SEX),
    "race": ("RAC1P", RACE),
}
