"""Adoption of refreshes that one comparison does not show to be better: licence, screen, allowance, rollback, budget.

`evidence` turns the nightly gains of two models into evidence that may be read at any time, `screen` has the checks
that an unproven refresh must pass, `admission` decides on a refresh, and `guard` on the model that was adopted.

The design follows Feng, Emerson & Simon, "Approval policies for modifications to machine learning-based software as a
medical device" (Biometrics 77:31, 2021): a fixed anchor keeps the quality from creeping down through a chain of
refreshes that are each "not worse" than the one before.
"""
