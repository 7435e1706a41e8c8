"""Is a variant the float network, and does it predict what Keras predicts?"""
