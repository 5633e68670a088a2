"""Feast's DuckDB offline store on the lake's Delta tables, read through Arrow.

Feast reads Delta with an extension that DuckDB downloads at its first use. A table passed as an Arrow dataset needs no
download, and filters are still pushed down to its files.
"""

from datetime import datetime
from typing import Any

import ibis
from deltalake import DeltaTable
from feast.infra.offline_stores import ibis as joins
from feast.infra.offline_stores.duckdb import DuckDBOfflineStore, DuckDBOfflineStoreConfig

from ml.usecase.safe_names import safe_name


class DeltaOfflineStoreConfig(DuckDBOfflineStoreConfig):
    """The configuration of the store. Feast finds this class by the store's name plus `Config`."""

    type: str = "include.stores.feature_store.offline_store.DeltaOfflineStore"


class DeltaOfflineStore(DuckDBOfflineStore):
    """Feast's DuckDB store with another reader of tables."""

    @staticmethod
    def get_historical_features(*args: Any, **kwargs: Any) -> Any:
        """Return the features of each requested entity as of its own timestamp."""
        return joins.get_historical_features_ibis(*args, **kwargs, **_io_functions())

    @staticmethod
    def pull_latest_from_table_or_query(
        config: Any,
        data_source: Any,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> Any:
        """Return the newest row of each entity within the window."""
        return joins.pull_latest_from_table_or_query_ibis(
            config=config,
            data_source=data_source,
            join_key_columns=join_key_columns,
            feature_name_columns=feature_name_columns,
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            start_date=start_date,
            end_date=end_date,
            **_io_functions(),
        )


def _io_functions() -> dict[str, Any]:
    return {"data_source_reader": _read, "data_source_writer": None}


def _read(source: Any, _folder: str) -> Any:
    table = ibis.memtable(DeltaTable(source.path).to_pyarrow_dataset())
    return table.rename({safe_name(column): column for column in table.columns})
