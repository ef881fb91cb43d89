"""The inventory of what was deployed: which packages, in which versions, and how that is known.

`reading` tells the story; `archive` streams what is in a zip, a jar, an image or a folder; one
module an ecosystem reads what its tools write. What can't be read is told, and makes the inventory
incomplete: an incomplete one is never taken for clean.

Not seen: packages of an operating system, code that a bundler merged into one file and no lock file
states, jars that were shaded without their pom.properties, Go programs that were packed or whose
build information was removed.
"""

from .download import DownloadFailed, download
from .findings import Evidence
from .limits import IMAGE, LAMBDA, Limits
from .reading import Inventory, Item, inventory, of_folder

__all__ = [
    "IMAGE",
    "LAMBDA",
    "DownloadFailed",
    "Evidence",
    "Inventory",
    "Item",
    "Limits",
    "download",
    "inventory",
    "of_folder",
]
