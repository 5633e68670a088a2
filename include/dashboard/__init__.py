"""The dashboard: read-only pages about every use case, built from the warehouse, the ledger and backtest reports."""
