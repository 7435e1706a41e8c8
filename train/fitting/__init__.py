"""Training itself: epochs, callbacks, teacher."""
