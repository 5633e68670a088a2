"""# Import errors: use cases that cannot be read

**What for.** A use case with a mistake in its `usecase.py` has no DAGs, and must not disappear silently. This file makes no
DAG: it is where Airflow shows, as an import error above the list of DAGs, which use case cannot be read, and why.

**What starts it.** Airflow, whenever it reads the DAG files; the DAGs of all other use cases are read as ever.

**What it leaves.** Nothing. The runs and settings of the broken use case's DAGs are kept, and come back with it.

**When it is red.** The error names use case, file, line and what is wrong with it: mend that. `ratchet check` says the same,
and looks into the other files of each use case too.
"""

from include import usecases
from ml.errors import DeclarationError

if unreadable := usecases.load_errors():
    raise DeclarationError("; ".join(unreadable.values()))
