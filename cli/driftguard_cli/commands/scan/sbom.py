"""Writes an inventory as a bill of materials that other tools read.

Source: Ecma International, ECMA-424 "CycloneDX Bill of Materials Specification", version 1.6;
"Package URL specification".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote
from uuid import UUID, uuid5

from cyclonedx.model import Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence
from cyclonedx.model.impact_analysis import ImpactAnalysisResponse
from cyclonedx.model.vulnerability import (
    BomTarget,
    Vulnerability,
    VulnerabilityAnalysis,
    VulnerabilityRating,
    VulnerabilityReference,
    VulnerabilityScoreSource,
    VulnerabilitySeverity,
    VulnerabilitySource,
)
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from driftguard.analysis.advisories.package import Package
from driftguard.analysis.advisories.severity import Severity
from driftguard.analysis.inventory import Inventory, Item
from driftguard.analysis.inventory.lockfiles.purls import ECOSYSTEMS
from driftguard.documents import Document, text

# Serial numbers are made of what they number, so that the same code has the same bill.
_NUMBERED = UUID("6f0c3f9e-5a55-4c0c-9a52-0d3a2f0f1c11")
_SUBJECT = "deployment"
_TYPES = {ecosystem: type_ for type_, ecosystem in ECOSYSTEMS.items()}


@dataclass(frozen=True, slots=True)
class Known:
    """A finding about a package of the inventory (as `driftguard.deployed` has it), and why it is
    accepted for a time; "" where it is not.
    """

    finding: Document
    accepted: str = ""


def cyclonedx(
    inventory: Inventory,
    subject: str,
    made: datetime | None = None,
    *,
    known: Sequence[Known] = (),
    unknown: Sequence[str] = (),
) -> str:
    """The inventory of what is called `subject` as CycloneDX 1.6 in JSON.

    `known` are its vulnerabilities; `unknown` says what could not be found out beside its gaps. The
    same input gives the same text, unless `made` says when. What is not complete says so: its
    composition is `incomplete`, and each trouble is a property.
    """
    troubles = dict.fromkeys((*inventory.troubles, *unknown))
    root = Component(name=subject, type=ComponentType.APPLICATION, bom_ref=_SUBJECT)
    metadata = BomMetaData(
        component=root,
        timestamp=made,
        properties=[
            Property(name=f"driftguard:trouble:{number}", value=trouble)
            for number, trouble in enumerate(troubles, start=1)
        ],
    )
    bom = Bom(
        components=[_component(item) for item in inventory.items],
        metadata=metadata,
        vulnerabilities=_vulnerabilities(known),
        serial_number=uuid5(_NUMBERED, repr((subject, inventory, known, unknown))),
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
            "aggregate": "complete" if inventory.complete and not unknown else "incomplete",
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


def _vulnerabilities(known: Sequence[Known]) -> Iterator[Vulnerability]:
    """One for each advisory and whether it is accepted; it names all packages that it affects."""
    together: dict[tuple[str, str], list[Document]] = {}
    for finding in known:
        together.setdefault((text(finding.finding, "id"), finding.accepted), []).append(
            finding.finding
        )
    for (id_, accepted), findings in together.items():
        # By their references the library sorts them.
        reference = f"{id_}{f'#{accepted}' if accepted else ''}"
        yield Vulnerability(
            bom_ref=reference,
            id=id_,
            source=_source(id_),
            references=[
                VulnerabilityReference(id=alias, source=_source(alias))
                for alias in sorted(
                    {name for finding in findings for name in _texts(finding, "ids")}
                )
                if alias != id_
            ],
            ratings=[_rating(findings)],
            description=next(
                (said for finding in findings if (said := text(finding, "summary"))), None
            ),
            recommendation=_recommendation(findings),
            analysis=VulnerabilityAnalysis(
                responses=[ImpactAnalysisResponse.WILL_NOT_FIX], detail=accepted
            )
            if accepted
            else None,
            affects=[
                BomTarget(ref=reference)
                for reference in sorted({_reference(finding) for finding in findings})
            ],
        )


def _source(id_: str) -> VulnerabilitySource:
    return VulnerabilitySource(
        name="OSV", url=XsUri(f"https://osv.dev/vulnerability/{quote(id_, safe='')}")
    )


def _rating(findings: Sequence[Document]) -> VulnerabilityRating:
    rated = [points for finding in findings if isinstance(points := finding.get("severity"), int)]
    if len(rated) < len(findings):
        return VulnerabilityRating(severity=VulnerabilitySeverity.UNKNOWN)
    return VulnerabilityRating(
        score=Decimal(max(rated)) / 10,
        severity=VulnerabilitySeverity(Severity(max(rated), "").label),
        method=VulnerabilityScoreSource.OTHER,
    )


def _recommendation(findings: Sequence[Document]) -> str | None:
    fixed = {
        f"{text(finding, 'package')} to {versions[0]}"
        for finding in findings
        if (versions := _texts(finding, "fixed_in"))
    }
    return f"Upgrade {', '.join(sorted(fixed))}." if fixed else None


def _reference(finding: Document) -> str:
    """The component that a finding is about; what another scanner told of may have none here."""
    ecosystem = text(finding, "ecosystem")
    if ecosystem not in _TYPES:
        return _SUBJECT
    package = Package(ecosystem, text(finding, "package"), text(finding, "version"), "")
    return purl(package).to_string()


def _texts(finding: Document, name: str) -> list[str]:
    value = finding.get(name)
    return [str(member) for member in value] if isinstance(value, (list, tuple)) else []


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
