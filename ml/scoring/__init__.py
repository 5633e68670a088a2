"""Scoring from a package with NumPy alone: verification, encoding, fitted models, calibration, and score requests.

This package imports nothing but NumPy, `ml.arrays` and `ml.errors`, so that an exported wheel contains it whole.
Training and the model server use the same modules; only LightGBM's trees and many texts at once are evaluated by other
code there.
"""
