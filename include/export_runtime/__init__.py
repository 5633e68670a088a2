"""The code that an exported wheel adds to the package and to the modules of `ml/`: loading the model and scoring."""
