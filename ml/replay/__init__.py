"""What other ways to retrain would have come to: nights walked again under policies, one recipe, the decisions of production.

`policies` says when to ask, `past` holds the rows and what trainings answer to them, `watching` what was known of a
champion on a night, `walking` goes from night to night, `results` measures and compares.
"""
