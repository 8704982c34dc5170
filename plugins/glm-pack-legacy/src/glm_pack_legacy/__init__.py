"""The pack `legacy`: `glm port`, for classes that were written for PET or for the original GLM."""

from collections.abc import Mapping

from glm_core import hookimpl


@hookimpl
def glm_commands() -> Mapping[str, tuple[str, str]]:
    """The command of this pack."""
    return {"port": ("make a pack of a PVP and a DataProcessor of PET or the original GLM", "glm_pack_legacy.command")}
