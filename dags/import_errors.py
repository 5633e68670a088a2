"""# Import errors: use cases that cannot be loaded

**What for.** A use case with a mistake in its `usecase.py` has no DAGs, and must not disappear silently. This file
defines no DAG. Instead, Airflow shows an import error for it above the list of DAGs, which says what is wrong.

**What starts it.** Airflow, whenever it parses the DAG files. The DAGs of all other use cases are not affected.

**What it leaves.** Nothing. The runs and settings of the broken use case's DAGs are kept, and reappear with it.

**When it is red.** The error names the use case, the file, the line and the mistake: correct it. `ratchet check` says
the same, and also checks the other files of each use case.
"""

from include import usecases
from ml.errors import DeclarationError

if unreadable := usecases.load_errors():
    raise DeclarationError("; ".join(unreadable.values()))
