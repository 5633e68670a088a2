"""Adoption of refreshes: what the ledger, the scores and the labels say about a recipe, and the guard after adoption.

`line` reads the recipe's refreshes and champions from the ledger, `gains` scores two packages on past nights, `record`
computes evidence, allowance and harm from both, and `guard` puts a model back that was shown worse. The rules are in
`ml.promotion.adoption`.
"""
