"""The pack `emotion`: its task stands in pack.toml."""

from glm_core import toml_pack

pack = toml_pack(__name__)
