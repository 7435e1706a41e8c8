"""What a training run is made by: records of fields, their flat names for `--set`, and the recipes by name."""
