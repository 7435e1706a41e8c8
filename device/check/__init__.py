"""Whether a model file answers on this machine as it did at export, and what explains it when it doesn't."""
