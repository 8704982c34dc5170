"""SuperGLUE: eight data sets and two diagnostics, as GLM asks them (arXiv 1905.00537, 2103.10360)."""
