"""Why a prediction: which places of an image speak for a label."""
