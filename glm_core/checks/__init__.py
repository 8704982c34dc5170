"""The numbered checks of PACKS 11: functions from a pack or a task to findings. `glm check` and the testing kit run them."""
