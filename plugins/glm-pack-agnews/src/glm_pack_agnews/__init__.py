"""AG News: four topics of news. All that this pack says stands in pack.toml."""

from glm_core import toml_pack

pack = toml_pack(__name__)
