"""The board: what the warehouse and the ledger say of every use case, as pages that read and change nothing."""
