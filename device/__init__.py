"""Camera frames and pictures to labels, on a CPU or a Raspberry Pi.

Needs numpy, OpenCV and a TFLite interpreter, nothing else; this module itself imports none of them.
The front door for programs is `device.classifier.Classifier`.
"""

__version__ = "0.1.0"
