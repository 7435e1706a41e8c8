"""The form that asks for the token. Other refusals use a page in the same style."""

from device.live.outputs.web.pages.asset import Asset

HTML = Asset("token/token.html")
