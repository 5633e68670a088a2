"""Labels as they land: once a batch of them is there, asking for a new model does not wait for the night to be measured."""

from dataclasses import asdict, dataclass
from datetime import date

from include import usecases
from include.settings import Settings, load_settings
from include.steps.train import attempts
from include.stores import ledger, packages, warehouse
from ml.errors import RequestError
from ml.governance import ledger_entries
from ml.governance.hash_chain import Entry
from ml.governance.ledger_entries import EntryKind, LabelBatchDecided
from ml.packaging import package_files
from ml.retraining import triggers
from ml.usecase import UseCase


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelCounts:
    """How many labels are known, and how many were when the champion had learned or a batch was last decided about."""

    known: int
    baseline: int

    @property
    def new(self) -> int:
        return self.known - self.baseline


def count_labels(use_case: str) -> LabelCounts | None:
    """Return how many labels there are now, and were; None while there is no champion that could be trained again."""
    case, settings = usecases.get(use_case), load_settings()
    champion_night = _champion_night(case, settings)
    return None if champion_night is None else _label_counts(case, champion_night, settings)


def decide(use_case: str, known: int) -> str | None:
    """Decide once about the batch after which `known` labels are there; return the night to train as of, None for not now.

    Raises RequestError before the first champion, and where the use case asks for no batches.
    """
    case, settings = usecases.get(use_case), load_settings()
    engine = warehouse.engine(settings.warehouse_url)
    decisions = [(entry, decided) for entry, decided in _decisions(case, settings) if decided.labels == known]
    if decisions:
        entry, decided = decisions[-1]
        return str(entry.night) if decided.retrain else None
    champion_night, night = _champion_night(case, settings), warehouse.last_scored_night(engine, case.name)
    if champion_night is None or night is None:
        raise RequestError(f"{case.name} has no champion that has scored a night: there is nothing to train again yet")
    counts, tried = (
        _label_counts(case, champion_night, settings),
        attempts.tried_nights(case, night, champion_night, settings),
    )
    decision = triggers.decide_on_label_batch(case.triggers, known - counts.baseline, night, tried, case.horizon)
    ledger.append(
        engine,
        kind=EntryKind.LABEL_BATCH_DECIDED,
        use_case=case.name,
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
        key=f"{case.name}:{EntryKind.LABEL_BATCH_DECIDED}:{known}",
    )
    return str(night) if decision.retrain else None


def _label_counts(case: UseCase, champion_night: date, settings: Settings) -> LabelCounts:
    engine = warehouse.engine(settings.warehouse_url)
    trained_count = warehouse.count_labels(engine, case.name, case.horizon.cutoff(champion_night))
    decided_counts = [decided.labels for _, decided in _decisions(case, settings)]
    return LabelCounts(known=warehouse.count_labels(engine, case.name), baseline=max([trained_count, *decided_counts]))


def _decisions(case: UseCase, settings: Settings) -> list[tuple[Entry, LabelBatchDecided]]:
    """Return what was decided about earlier batches, the oldest first."""
    engine = warehouse.engine(settings.warehouse_url)
    return [
        (each, ledger_entries.read(each, LabelBatchDecided))
        for each in ledger.entries(engine, use_case=case.name, kind=EntryKind.LABEL_BATCH_DECIDED)
    ]


def _champion_night(case: UseCase, settings: Settings) -> date | None:
    champion = ledger.champion(warehouse.engine(settings.warehouse_url), case.name)
    if champion is None:
        return None
    files = packages.get(settings.packages, champion.subject, settings.trusted_keys)
    return date.fromisoformat(str(package_files.facts(files)["night"]))
