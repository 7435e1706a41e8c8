"""Publishes results to an MQTT broker, and through it to Home Assistant. Needs the extra `mqtt`."""
