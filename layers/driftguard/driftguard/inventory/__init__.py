"""The inventory of what was deployed: which packages, in which versions, and how that is known.

`reading` tells the story; `archive` streams what is in a zip, a jar, an image or a folder; one
module an ecosystem reads what its tools write. What can't be read is told, and makes the inventory
incomplete: an incomplete one is never taken for clean.

Not seen: packages of an operating system, code that a bundler merged into one file and no lock file
states, what was copied or slimmed without its metadata, jars that were shaded without their
pom.properties, Go programs that were packed or whose build information was removed. What is of an
ecosystem that nothing here reads (RubyGems, NuGet, Packagist) is told, and is a gap.
"""

from .archive import is_archive, is_image
from .download import DownloadFailed, code_sha256, download
from .findings import Evidence
from .kinds import is_lock
from .limits import IMAGE, LAMBDA, Limits
from .reading import Inventory, Item, inventory, joined, of_folder, of_lock

__all__ = [
    "IMAGE",
    "LAMBDA",
    "DownloadFailed",
    "Evidence",
    "Inventory",
    "Item",
    "Limits",
    "code_sha256",
    "download",
    "inventory",
    "is_archive",
    "is_image",
    "is_lock",
    "joined",
    "of_folder",
    "of_lock",
]
