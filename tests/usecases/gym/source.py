"""Makes the toy's files: chance with a seed of its own for each month, so that a night is always the same."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from include.usecases.gym.usecase import USE_CASE

from include.stores.files import atomic
from ml.usecase.periods import Period

MEMBERS = 120
DECIDED_AFTER = pd.Timedelta(days=30)


def land(folder: Path, period: Period, data: Path) -> None:
    """Write the files of `period` into `folder`, leaving alone any that are there."""
    schedule = USE_CASE.schedule
    since, until = schedule.cutoff(schedule.previous(period.first)), schedule.cutoff(period.last)
    billed = schedule.nights(Period(schedule.previous(period.first, 2), period.last))
    months = pd.concat([_month(night) for night in billed])
    asked = months["billed_on"].between(str(period.first), str(period.last))
    decided = (months["decided_at"] > since) & (months["decided_at"] <= until)
    cut = {
        "members": months.loc[asked, ["member", "billed_on", "plan", "visits"]],
        "renewals": months.loc[decided, ["member", "renewed", "decided_at"]],
    }
    for name, rows in cut.items():
        if not (folder / f"{name}.csv").exists():
            text = rows.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
            atomic.write(folder / f"{name}.csv", text.encode())


def _month(night: date) -> pd.DataFrame:
    chance = np.random.default_rng(night.toordinal())
    plan, visits = chance.integers(0, 3, MEMBERS), chance.integers(0, 25, MEMBERS)
    renewed = (chance.random(MEMBERS) < 0.2 + 0.03 * visits) & (plan != 2)
    return pd.DataFrame(
        {
            "member": [f"m{night:%Y%m}{number:03d}" for number in range(MEMBERS)],
            "billed_on": str(night),
            "plan": np.array(("full", "weekend", "trial"))[plan],
            "visits": visits,
            "renewed": renewed.astype(int),
            "decided_at": pd.Timestamp(USE_CASE.schedule.cutoff(night)) + DECIDED_AFTER,
        }
    )
