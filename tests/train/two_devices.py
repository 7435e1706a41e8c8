"""Trains on virtual devices of this processor, as on GPUs: two_devices DEVICES DATA RUN FIELD=VALUE…"""

import sys
from pathlib import Path

import tensorflow as tf

if __name__ == "__main__":
    (processor,) = tf.config.list_physical_devices("CPU")
    virtual = [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[1])
    tf.config.set_logical_device_configuration(processor, virtual)
    from train.data import cache
    from train.fitting import fit
    from train.recipes import catalog
    from train.recipes.settings import change
    from train.run import runs

    settings = [
        "image_size=16x16",
        "epochs=3",
        "batch_size=16",
        "validation_split=0.2",
        f"data={sys.argv[2]}",
        *sys.argv[4:],
    ]
    recipe = change(catalog.get("cifar10_tutorial"), settings)
    images = cache.provide(cache.DataRequest.of(recipe, skip_bad=False))
    fit.train(recipe, images, runs.Run(Path(sys.argv[3])), fit.Start(devices="CPU"))
