"""`glm new-pack`: a whole distribution with one task, which works before anything is filled in."""
