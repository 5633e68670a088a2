"""Export of packaged models for places without Ratchet: a wheel that needs only NumPy, or an ONNX graph."""
