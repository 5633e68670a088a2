"""Stores: the code that reads and writes data. Each store gets its address from `include.settings`."""
