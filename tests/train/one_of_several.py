"""One of two processes that train together, keeping what it saves: one_of_several.py DATA RUN HOST:PORT ID SETTING…"""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    os.environ["KERAS_BACKEND"] = "jax"
    from train.data import cache
    from train.environment import devices
    from train.fitting import fit
    from train.recipes import catalog
    from train.recipes.settings import change
    from train.run import runs

    recipe = change(catalog.get("fashion_mnist"), [f"data={sys.argv[1]}", *sys.argv[5:]])
    images = cache.provide(cache.DataRequest.of(recipe, skip_bad=False))
    cluster = devices.Cluster(sys.argv[3], 2, int(sys.argv[4]))
    fit.train(recipe, images, runs.Run(Path(sys.argv[2])), fit.Start(cluster=cluster))
