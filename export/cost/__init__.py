"""What quantization costs: each variant's predictions and latency beside float32's, and whether that is too much."""
