"""The page with the camera's image, the predictions and their history."""

from device.live.outputs.web.pages.asset import Asset

PAGE = {
    "/": Asset("live/index.html"),
    "/style.css": Asset("live/style.css"),
    "/places.js": Asset("live/places.js"),
    "/script.js": Asset("live/script.js"),
    "/icon.svg": Asset("live/icon.svg"),
}
