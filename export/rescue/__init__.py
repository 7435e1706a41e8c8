"""An int8 file that loses too much accuracy, made otherwise: what costs no latency first, layers in float last."""
