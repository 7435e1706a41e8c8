"""How accurate a model file is, how certain that is, and the records of export.json."""
