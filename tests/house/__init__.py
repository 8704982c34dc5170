"""The house itself: floors, dryness, the public face, and what nobody may do."""
