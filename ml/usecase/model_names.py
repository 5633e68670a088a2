"""The names of models: a use case's own name at the night's horizon, `<use case>-<horizon>` at another one.

Data (tables, labels, nights, files) is stored under the name of the use case; scores, metrics, ledger entries, packages
and releases are stored under the name of the model.
"""

_SEPARATOR = "-"  # no declared name contains it


def join(dataset: str, horizon: str) -> str:
    """Return the name of the model of `dataset` at a live horizon.

    >>> join("rides", "live")
    'rides-live'
    """
    return f"{dataset}{_SEPARATOR}{horizon}"


def split(name: str) -> tuple[str, str]:
    """Return the use case and the horizon of the model `name`; the horizon is "" at the night's.

    >>> split("rides-live"), split("rides")
    (('rides', 'live'), ('rides', ''))
    """
    dataset, _, horizon = name.partition(_SEPARATOR)
    return dataset, horizon


def dataset_of(name: str) -> str:
    """Return the use case whose data the model `name` is trained on.

    >>> dataset_of("rides-live"), dataset_of("rides")
    ('rides', 'rides')
    """
    return split(name)[0]
