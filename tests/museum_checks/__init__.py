"""One broken pack per check code; each is found by exactly its code, and the sound ones by none."""
