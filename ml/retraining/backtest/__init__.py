"""Backtests of retraining policies: past nights again, under each policy, with one recipe and the decisions of production.

`policies` parses when to retrain, `history` holds the rows and what each training answered, `context` what all policies
share. `simulation` goes from night to night, `admission` lets models in, `results` measures and compares, and `tables`
formats.
"""
