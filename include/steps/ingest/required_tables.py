"""Whether a period's required tables have rows: without any, the night is not complete although its files came."""

from collections.abc import Sequence

from include.steps.context import StepContext
from include.stores import warehouse
from include.stores.warehouse import FileRevision, FileStatus
from ml.errors import DataError


def check(use_case: str, period: str) -> None:
    """Raise DataError when nothing of a required table was ingested, because its files of `period` are quarantined.

    A file without rows is not quarantined, nor is one that was ingested for an earlier night. Call it after the
    ingestion: the rows of the other tables are stored then.
    """
    context = StepContext.load_data(use_case)
    files = warehouse.files(context.engine, use_case, period)
    required = [table.name for table in context.case.tables if table.required]
    by_table = {name: [each for each in files if each.source_table == name] for name in required}
    failed = {name: own for name, own in by_table.items() if _are_all_quarantined(own)}
    if failed:
        reasons = "; ".join(f"{each.name}: {each.reason}" for own in failed.values() for each in own)
        raise DataError(
            f"expected rows of {', '.join(failed)} for {use_case} {period}, but nothing was ingested, because the files "
            f"are quarantined: {reasons}. The other tables were ingested. Correct the files, land them again and clear "
            "this task; or mark it as successful to go on without them"
        )


def _are_all_quarantined(files: Sequence[FileRevision]) -> bool:
    return bool(files) and all(each.status is FileStatus.QUARANTINED for each in files)
