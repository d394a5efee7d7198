"""How each family of published checkpoints is packed; one file per family, as data."""

from ._family import Drop, Family, Format, Part, Positions
from .beit import BEIT, BEITV2
from .dino import DINO, IBOT
from .hybrid import HYBRID
from .ijepa import IJEPA
from .mae import MAE
from .mocov3 import MOCOV3
from .plain import PLAIN
from .simmim import SIMMIM

# In order of trial: those that leave a mark of their own first, bare state dicts last.
FAMILIES: dict[str, Family] = {
    family.name: family for family in (MOCOV3, HYBRID, SIMMIM, IJEPA, IBOT, DINO, BEITV2, BEIT, MAE, PLAIN)
}

__all__ = ["FAMILIES", "Drop", "Family", "Format", "Part", "Positions"]
