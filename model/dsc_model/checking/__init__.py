"""What an ONNX file lacks to be a network of this project."""
