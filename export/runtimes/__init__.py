"""Do the variants run in other runtimes than LiteRT, and how fast?"""
