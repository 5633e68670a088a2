"""Backtests of retraining policies: they simulate past nights under each policy, with production's decision functions.

All trainings use one recipe. The module `ml.retraining.backtest.policies` parses policies, `history` has the rows and
the scores of each training, and `context` what all policies share. `simulation` advances night by night, `admission`
decides on new models, `results` measures and compares policies, and `tables` formats the results.
"""
