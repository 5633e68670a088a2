"""One module for each DAG: read, call `ml`, write. A step takes and returns names, never data, and may run twice."""
