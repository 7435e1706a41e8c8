"""Does a model file predict on this machine what it did at export, and if not, why?"""
