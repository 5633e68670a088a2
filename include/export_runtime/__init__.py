"""The code that an exported module adds to the package and to the modules of `ml/`: loading, scoring, and a service."""
