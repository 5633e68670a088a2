"""Label trigger: decide on retraining as soon as a batch of labels has landed, before the night is monitored."""

from dataclasses import asdict, dataclass
from datetime import date

from include.steps.context import StepContext
from include.steps.train import attempts, candidates
from include.stores import ledger, packages, warehouse
from ml.errors import RequestError
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, LabelBatchDecided
from ml.packaging import package_files
from ml.retraining import triggers


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelCounts:
    """The number of known labels, and the number at the champion's training or the last decision on a batch."""

    known: int
    baseline: int

    @property
    def new(self) -> int:
        return self.known - self.baseline


def count_labels(use_case: str) -> LabelCounts | None:
    """Return the current label counts; None while there is no champion to retrain."""
    context = StepContext.load(use_case)
    facts = _champion_facts(context)
    return None if facts is None else _label_counts(context, date.fromisoformat(str(facts["night"])))


def decide(use_case: str, known: int) -> str | None:
    """Decide once on the batch after which `known` labels are there; return the night to train as of, or None.

    Raises RequestError before the first champion, and when the use case declares no label batch.
    """
    context = StepContext.load(use_case)
    engine = context.engine
    decisions = [(entry, decided) for entry, decided in _decisions(context) if decided.labels == known]
    if decisions:
        entry, decided = decisions[-1]
        return str(entry.night) if decided.retrain else None
    facts, night = _champion_facts(context), warehouse.last_scored_night(engine, context.case.name)
    if facts is None or night is None:
        raise RequestError(
            f"{context.case.name} has no champion that has scored a night: there is nothing to train again yet"
        )
    champion_night = date.fromisoformat(str(facts["night"]))
    counts, tried = (
        _label_counts(context, champion_night),
        attempts.tried_nights(context.at(night), champion_night),
    )
    decision = triggers.decide_on_label_batch(
        context.case.triggers, known - counts.baseline, night, tried, context.case.schedule
    )
    if decision.retrain:
        decision = decision.unless(candidates.gate_refusal(context.at(night), str(facts["used_until"])))
    ledger.append(
        engine,
        kind=EntryKind.LABEL_BATCH_DECIDED,
        use_case=context.case.name,
        night=night,
        subject=str(known),
        payload=LabelBatchDecided(
            labels=known,
            baseline=counts.baseline,
            retrain=decision.retrain,
            reason=decision.reason,
            trigger=decision.trigger,
            throttled_until=decision.throttled_until,
            findings=tuple(asdict(each) for each in decision.findings),
        ),
        key=f"{context.case.name}:{EntryKind.LABEL_BATCH_DECIDED}:{known}",
    )
    return str(night) if decision.retrain else None


def _label_counts(context: StepContext, champion_night: date) -> LabelCounts:
    engine = context.engine
    trained_count = warehouse.count_labels(engine, context.case.dataset, context.case.schedule.cutoff(champion_night))
    decided_counts = [decided.labels for _, decided in _decisions(context)]
    return LabelCounts(
        known=warehouse.count_labels(engine, context.case.dataset), baseline=max([trained_count, *decided_counts])
    )


def _decisions(context: StepContext) -> list[tuple[Entry, LabelBatchDecided]]:
    """Return the decisions on earlier batches, oldest first."""
    engine = context.engine
    return [
        (each, ledger_entries.read(each, LabelBatchDecided))
        for each in ledger.entries(engine, use_case=context.case.name, kind=EntryKind.LABEL_BATCH_DECIDED)
    ]


def _champion_facts(context: StepContext) -> dict[str, object] | None:
    champion = ledger.champion(context.engine, context.case.name)
    if champion is None:
        return None
    files = packages.get(context.settings.packages, champion.subject, context.settings.trusted_keys)
    return package_files.facts(files)
