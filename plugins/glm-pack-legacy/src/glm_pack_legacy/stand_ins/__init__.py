"""What files written for PET or the original GLM import from there, as far as a pattern and a reader need it."""
