"""What a live classifier tells an MQTT broker, and through it Home Assistant. Needs the extra `mqtt`."""
