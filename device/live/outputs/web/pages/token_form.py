"""The form that asks for the token. What else is refused a browser is said in a page that looks like it."""

from device.live.outputs.web.pages.asset import Asset

HTML = Asset("token/token.html")
