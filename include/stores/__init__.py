"""The only code that reads and writes: each store takes its address from `include.settings`."""
