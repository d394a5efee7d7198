"""Images to measure on, and the record of what was measured."""

from .data import Images, open_images
from .record import read_manifest, read_table, write_manifest, write_table

__all__ = ["Images", "open_images", "read_manifest", "read_table", "write_manifest", "write_table"]
