"""What other ways to retrain would have come to: nights walked again under policies, one recipe, the decisions of production.

`policies` says when to ask, `past` holds the rows and what trainings answer to them, `scene` what all meet; `walking` goes from
night to night, `admission` lets models in, `results` measures and compares, `telling` makes tables of it.
"""
