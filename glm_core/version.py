"""The version of this code; packs are pinned against it, whatever the installer's metadata say."""

__version__ = "1.0.0"
