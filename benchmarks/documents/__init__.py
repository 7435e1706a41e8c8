"""Result documents: rows, machine, fingerprint; which files they are about."""
