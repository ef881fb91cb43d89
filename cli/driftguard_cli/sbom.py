"""An inventory as a bill of materials that other tools read.

Source: Ecma International, ECMA-424 "CycloneDX Bill of Materials Specification", version 1.6;
"Package URL specification".
"""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID, uuid5

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from driftguard.advisories.package import Package
from driftguard.inventory import Inventory, Item

# Serial numbers are made of what they number, so that the same code has the same bill.
_NUMBERED = UUID("6f0c3f9e-5a55-4c0c-9a52-0d3a2f0f1c11")
_SUBJECT = "deployment"
_TYPES = {"PyPI": "pypi", "npm": "npm", "Maven": "maven", "Go": "golang", "crates.io": "cargo"}


def cyclonedx(inventory: Inventory, subject: str, made: datetime | None = None) -> str:
    """The inventory of what is called `subject` as CycloneDX 1.6 in JSON.

    The same inventory gives the same text, unless `made` says when. An inventory that is not
    complete says so: its composition is `incomplete`, and each trouble is a property.
    """
    root = Component(name=subject, type=ComponentType.APPLICATION, bom_ref=_SUBJECT)
    metadata = BomMetaData(
        component=root,
        timestamp=made,
        properties=[
            Property(name=f"driftguard:trouble:{number}", value=trouble)
            for number, trouble in enumerate(inventory.troubles, start=1)
        ],
    )
    bom = Bom(
        components=[_component(item) for item in inventory.items],
        metadata=metadata,
        serial_number=uuid5(_NUMBERED, repr((subject, inventory))),
    )
    # The library wants to be told what depends on what. An inventory does not know, so what it
    # makes of this is left out again.
    bom.register_dependency(root, bom.components)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    document.pop("dependencies", None)
    if made is None:
        # And the time of this call, which is no property of the code.
        document["metadata"].pop("timestamp", None)
    document["compositions"] = [
        {
            "aggregate": "complete" if inventory.complete else "incomplete",
            "assemblies": [_SUBJECT],
        }
    ]
    return json.dumps(document, indent=2, ensure_ascii=False)


def purl(package: Package) -> PackageURL:
    """The package's URL: `pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1`."""
    separator = ":" if package.ecosystem == "Maven" else "/"
    namespace, _, name = package.name.rpartition(separator)
    version = package.version
    if package.ecosystem == "Go" and namespace and version:
        # Modules have their tags' names there, with the `v`; the standard library has none.
        version = f"v{version}"
    return PackageURL(_TYPES[package.ecosystem], namespace or None, name, version or None)


def _component(item: Item) -> Component:
    url = purl(item.package)
    return Component(
        name=url.name,
        group=url.namespace,
        version=url.version,
        type=ComponentType.LIBRARY,
        purl=url,
        bom_ref=url.to_string(),
        evidence=ComponentEvidence(
            # By their references the library sorts them: without, in whatever order.
            occurrences=[
                Occurrence(location=place, bom_ref=f"{url.to_string()}#{place}")
                for place in item.places
            ]
        ),
        properties=[Property(name="driftguard:evidence", value=item.evidence)],
    )
