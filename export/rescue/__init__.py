"""Makes another int8 file if the plain one loses too much: first by means without latency, last by float layers."""
