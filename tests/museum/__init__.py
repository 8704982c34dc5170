"""One broken pack per failure of the loader; each is found by exactly its status and message."""
