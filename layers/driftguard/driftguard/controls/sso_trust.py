"""IAM Identity Center: whom it believes who somebody is."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import Candidate, Certainty, Change, Resource

from .control import NOTHING, References, Trigger, resource
from .mechanisms.advice import Advice

_SSO = "sso.amazonaws.com"
_DIRECTORY = "sso-directory.amazonaws.com"
_REFERENCES = References(attack=("T1484.002", "T1556.007"))


def _issuer(change: Change) -> Iterator[Candidate]:
    """An issuer that was made, or whose configuration was changed."""
    made = text(change.response, "trustedTokenIssuerArn")
    arn = made or text(change.request, "trustedTokenIssuerArn")
    if arn and change.name in ("CreateTrustedTokenIssuer", "UpdateTrustedTokenIssuer"):
        where = Resource("sso.trusted-issuer", arn, change.account, change.region, arn)
        yield Candidate(where, Certainty.EVIDENT)


def _configured(issuer: Resource, reader: Reader) -> Document | None:
    """Whose tokens are believed; None once the issuer is gone."""
    found = reader.read(
        "sso-admin",
        "DescribeTrustedTokenIssuer",
        TrustedTokenIssuerArn=issuer.arn,
        absent=("ResourceNotFoundException",),
    )
    if found is None:
        return None
    told = document(found)
    of_oidc = mapping(mapping(told, "TrustedTokenIssuerConfiguration"), "OidcJwtConfiguration")
    return {"name": text(told, "Name"), "url": text(of_oidc, "IssuerUrl")}


# The console's calls, by which sign-in comes from elsewhere. Creating a configuration does
# nothing until it is enabled.
# Source: Service Authorization Reference, "AWS IAM Identity Center directory" and "AWS IAM Identity
# Center".
_SWITCHING = {
    _DIRECTORY: (
        "DisableExternalIdPConfigurationForDirectory",
        "EnableExternalIdPConfigurationForDirectory",
        "ImportExternalIdPCertificate",
        "UpdateExternalIdPConfigurationForDirectory",
    ),
    _SSO: ("AssociateDirectory", "DisassociateDirectory"),
}
_PREPARING = "CreateExternalIdPConfigurationForDirectory"


def _identity_source(change: Change) -> Iterator[Candidate]:
    if change.name in _SWITCHING.get(change.source, ()):
        directory = text(change.request, "directoryId") or "directory"
        where = f"sso:::directory/{directory}"
        found = resource(change, "sso.directory", directory, where)
        yield Candidate(found, Certainty.EVIDENT, {"by": change.name})


CONTROLS = (
    Advice(
        id="sso.trusted-issuer",
        title="Identity Center trusts an issuer of tokens",
        severity=80,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=(
            Trigger(_SSO, "CreateTrustedTokenIssuer"),
            Trigger(_SSO, "UpdateTrustedTokenIssuer"),
            Trigger(_SSO, "DeleteTrustedTokenIssuer"),
        ),
        reads=("sso:DescribeTrustedTokenIssuer",),
        revert="an issuer cannot be switched off, and one that is made again has another ARN, "
        "which no application names",
        candidates=_issuer,
        read=_configured,
        why="whoever signs the issuer's tokens can act as the organization's people in "
        "applications that take them",
        advice="See whose issuer it is and which applications take its tokens; delete it if it is "
        "not yours.",
    ),
    Advice(
        id="sso.identity-source-changed",
        title="Identity Center signs people in by another identity source",
        severity=95,
        references=_REFERENCES,
        cuts=NOTHING,
        triggers=tuple(
            Trigger(source, name)
            for source, names in {
                **_SWITCHING,
                _DIRECTORY: (*_SWITCHING[_DIRECTORY], _PREPARING),
            }.items()
            for name in names
        ),
        revert="the console only changes the identity source, and the old one's data is not in the "
        "record",
        candidates=_identity_source,
        why="whoever runs the identity source decides who is an administrator in all accounts",
        advice="If nobody wanted it, sign in with the management account's own user, change the "
        "identity source back, and end all sessions.",
    ),
)
