"""What a browser is shown: every page, a line each. A page is the paths of its files; what lies there: asset.py."""

from collections.abc import Mapping, Sequence

from device.live.outputs.web.pages import live
from device.live.outputs.web.pages.asset import Asset

PAGES: Sequence[Mapping[str, Asset]] = (live.PAGE,)
