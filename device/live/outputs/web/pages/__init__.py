"""The pages, one line each. A page maps paths to its files (asset.py)."""

from collections.abc import Mapping, Sequence

from device.live.outputs.web.pages import live
from device.live.outputs.web.pages.asset import Asset

PAGES: Sequence[Mapping[str, Asset]] = (live.PAGE,)
