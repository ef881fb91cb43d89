"""The inventory of what was deployed: its packages, their versions, and how they are known.

`reading` is the way in; `archive` streams what is in a zip, a jar, an image or a folder; one module
an ecosystem reads what its tools write. Whatever can't be read is reported and makes the inventory
incomplete: an incomplete one is never taken for clean.

Not seen: packages of an operating system, code that a bundler merged into one file and no lock file
states, what was copied or slimmed without its metadata, jars that were shaded without their
pom.properties, Go programs that were packed or whose build information was removed. `catalog` says
of each kind of file that holds dependencies whether it is read, or told as a gap.
"""

from .archive import is_archive, is_image, is_packed
from .found_packages import Evidence
from .kinds import is_lock
from .limits import IMAGE, LAMBDA, Limits
from .reading import Inventory, Item, inventory, joined, of_folder, of_lock

__all__ = [
    "IMAGE",
    "LAMBDA",
    "Evidence",
    "Inventory",
    "Item",
    "Limits",
    "inventory",
    "is_archive",
    "is_image",
    "is_lock",
    "is_packed",
    "joined",
    "of_folder",
    "of_lock",
]
