"""Makes a folder for makers' compilers, which quantize for their own accelerators."""
