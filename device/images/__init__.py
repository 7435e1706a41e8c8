"""What image files are beyond what OpenCV says of them: their parts, their damage, the depth of their samples."""
