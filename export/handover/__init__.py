"""A folder for makers' compilers, which quantize for their own accelerators."""
