"""Packages in use: each way of serving loads the same bytes through `ml.packaging`."""
