"""The steps of the DAGs: each reads from the stores, calls `ml`, and writes the result.

A step takes and returns references, never data, and can be run again.
"""
