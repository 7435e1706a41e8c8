"""The interfaces of sources and outputs, and the data between them. Imports little: the command line needs it before
numpy."""
