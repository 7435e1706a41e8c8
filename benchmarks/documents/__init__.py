"""Result documents: rows, machine, fingerprint, model files."""
