"""Fresh processes that time model files, and what the machine does meanwhile."""
