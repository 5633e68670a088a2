"""A packaged model where nothing of ours is installed: as a wheel that needs only NumPy, or as an ONNX graph."""
