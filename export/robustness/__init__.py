"""What a camera adds to images, and what that costs a float32 and an int8 file."""
