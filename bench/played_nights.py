"""Keep what a long run led to: `RATCHET_HOME=... python -m bench.played_nights USE_CASE FIRST..LAST`.

The run itself is `make run UNTIL=...`, which takes an hour or more, so it is not part of `make bench`.
"""

import sys
from datetime import UTC, datetime

from include.report import played_nights, run_summary
from include.report.played_nights import PlayedChallenger, PlayedNights
from include.steps.adoption import retraining_gain
from include.steps.context import StepContext
from include.stores import ledger
from ml import targets
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, RolledBack, Verdict
from ml.usecase import periods


def main(use_case: str, nights: str) -> None:
    """Write what the run over `nights` in the home of this process led to."""
    context, period = StepContext.load(use_case), periods.parse(nights)
    entries = ledger.entries(context.engine, context.case.name)
    judged = [each for each in entries if each.kind == EntryKind.JUDGED and each.night and each.night >= period.first]
    packaged = [each for each in judged if ledger_entries.read(each, Verdict).package is not None]
    challengers = tuple(_challenger(each, entries) for each in packaged)
    gain = retraining_gain.measure(context, period, retraining_gain.published_rows(context, period))
    names = targets.target_type(context.case).display_names
    played = PlayedNights(
        use_case=context.case.name,
        nights=str(period),
        played_on=str(datetime.now(UTC).date()),
        adopted=sum(each.fate.startswith("champion") for each in challengers),
        gain="Nothing was adopted." if gain is None else f"{run_summary.describe_gain(gain, names)}.",
        challengers=challengers,
        interventions=tuple(
            f"{each.night}: {ledger_entries.read(each, RolledBack).why}"
            for each in entries
            if each.kind == EntryKind.ROLLED_BACK
        ),
    )
    sys.stdout.write(f"{played_nights.write(played)}\n{played.summary}\n")


def _challenger(judged: Entry, entries: tuple[Entry, ...]) -> PlayedChallenger:
    verdict = ledger_entries.read(judged, Verdict)
    after = [each for each in entries if each.seq > judged.seq and each.subject == judged.subject]
    promoted = [each for each in after if each.kind == EntryKind.PROMOTED]
    aborted = [each for each in after if each.kind in (EntryKind.ABORTED, EntryKind.REJECTED)]
    if promoted:
        fate = f"champion on {promoted[0].night} ({verdict.admission})"
    elif verdict.admission is None:
        fate = "not admitted"
    else:
        fate = "aborted" if aborted else "not released"
    return PlayedChallenger(night=str(judged.night), fate=fate, reason=verdict.reason)


if __name__ == "__main__":
    main(*sys.argv[1:])
