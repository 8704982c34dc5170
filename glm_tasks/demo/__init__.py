"""Two small data sets of our own that ship with the package: the first thing a person can fine-tune on."""
