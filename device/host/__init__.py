"""The host, the machine this runs on: Linux's description, temperature, throttling flags."""
