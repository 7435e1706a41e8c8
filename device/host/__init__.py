"""The machine this runs on: what Linux says of it, temperature, throttling."""
