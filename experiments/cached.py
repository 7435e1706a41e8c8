"""The images of a data set by name, which several experiments measure on."""

from device.data import folders
from device.data.folders import Cache


def cached(name: str, side: int) -> Cache:
    """side x side pixels, from the cache; where they are missing it ends with the command that makes them."""
    cache = folders.find_cache(name, (side, side), "crop")
    if cache is None:
        raise SystemExit(f"make the images first: python -m train data {name} --size {side}x{side}")
    return cache
