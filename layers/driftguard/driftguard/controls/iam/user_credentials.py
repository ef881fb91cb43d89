"""IAM: somebody gives another user a credential that only one service takes.

Such credentials work beside access keys and passwords, and are easily overlooked: passwords and API
keys for one service, public keys for SSH, certificates that sign requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, items, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from ..control import Cuts, References, Trigger, resource
from ..mechanisms.declared import Candidates
from ..mechanisms.switch import Switch
from .principals import BUSY, GONE, IAM, USERS, by_aws, of_another, read

_CUTS = Cuts(
    "the workload that the credential was made for",
    question="was the credential made for a workload?",
)
_REFERENCES = References(attack=("T1098.001",))
# Of user → each credential, in the members of its listing.
_Listing = Callable[[str, Reader], Iterator[Document]]


def _given(kind: str, answer: str, id_: str) -> Candidates:
    """Another user's credential, made or put in force.

    `answer` is the member of the response that describes a new one, `id_` the member with its id.
    """

    def candidates(change: Change) -> Iterator[Candidate]:
        user, made = of_another(change), mapping(change.response, answer)
        credential = text(made, id_) or text(change.request, id_)
        updated = change.name.startswith("Update")
        off = updated and text(change.request, "status") not in ("", "Active")
        if user and credential and not off and not by_aws(change):
            # IAM has no ARN for a credential; this one only names it in the record.
            tail = f"iam::{{account}}:user/{user}/{kind}/{credential}"
            where = resource(change, f"iam.{kind}", f"{user}/{credential}", tail)
            yield Candidate(where, Certainty.EVIDENT)

    return candidates


def _reading(listing: _Listing, id_: str) -> Callable[[Resource, Reader], Document | None]:
    def state(where: Resource, reader: Reader) -> Document | None:
        user, _, credential = where.id.partition("/")
        who = read(reader, "User", user)
        if who is None:
            return None
        try:
            for found in listing(user, reader):
                if text(found, id_) == credential:
                    return {
                        "arn": who["Arn"],
                        "user": user,
                        "id": credential,
                        "service": text(found, "ServiceName"),
                        "status": text(found, "Status"),
                    }
        except AwsError as error:
            # The user was deleted between the two reads.
            if error.code not in GONE:
                raise
        return None

    return state


def _why(what: str) -> Callable[[Document, Document | None], str]:
    def why(state: Document, _: Document | None) -> str:
        if state["status"] != "Active":
            return ""
        for_service = f" for {state['service']}" if state["service"] else ""
        whose = f"{what} {state['id']}{for_service} of {state['user']}"
        return f"{whose} was given by somebody else, and works"

    return why


def _set(operation: str, id_: str, _: Resource, state: Document) -> Call:
    parameters = {"UserName": state["user"], id_: state["id"], "Status": state["status"]}
    return Call("iam", operation, parameters, on=(text(state, "arn"),))


# ------------------------------------------------------------------------------- the listings


def _service_credentials(user: str, reader: Reader) -> Iterator[Document]:
    """Passwords and API keys for one service. This listing has no paginator."""
    asked: dict[str, str] = {"UserName": user}
    while True:
        page = document(reader.read("iam", "ListServiceSpecificCredentials", absent=GONE, **asked))
        yield from items(page.get("ServiceSpecificCredentials"))
        if not page.get("IsTruncated") or not text(page, "Marker"):
            return
        asked["Marker"] = text(page, "Marker")


def _paged(operation: str, key: str) -> _Listing:
    return lambda user, reader: map(document, reader.pages("iam", operation, key, UserName=user))


def _one(
    name: str,
    title: str,
    what: str,
    answer: str,
    id_: str,
    listing: _Listing,
    list_: str,
    set_: str,
) -> Switch:
    """The control over one kind of credential."""
    made = ("CreateServiceSpecificCredential", "ResetServiceSpecificCredential")
    uploads = (f"Upload{set_.removeprefix('Update')}",)
    calls = (*(made if answer == "serviceSpecificCredential" else uploads), set_)
    return Switch(
        id=f"iam.{name}-for-other-user",
        title=title,
        severity=75,
        cuts=_CUTS,
        busy=BUSY,
        references=_REFERENCES,
        triggers=tuple(Trigger(IAM, call) for call in calls),
        proven="stub" if answer == "serviceSpecificCredential" else "emulator",
        reads=("iam:GetUser", f"iam:{list_}"),
        writes={f"iam:{set_}": USERS},
        candidates=_given(name, answer, f"{id_[0].lower()}{id_[1:]}"),
        read=_reading(listing, id_),
        risky=_why(what),
        safe=lambda state, _: {**state, "status": "Inactive"},
        put=partial(_set, set_, id_),
    )


CONTROLS = (
    _one(
        "service-credential",
        "Credential for one service made for another user",
        "the credential",
        "serviceSpecificCredential",
        "ServiceSpecificCredentialId",
        _service_credentials,
        "ListServiceSpecificCredentials",
        "UpdateServiceSpecificCredential",
    ),
    _one(
        "ssh-key",
        "SSH key uploaded for another user",
        "the SSH key",
        "sSHPublicKey",
        "SSHPublicKeyId",
        _paged("ListSSHPublicKeys", "SSHPublicKeys"),
        "ListSSHPublicKeys",
        "UpdateSSHPublicKey",
    ),
    _one(
        "signing-certificate",
        "Signing certificate uploaded for another user",
        "the signing certificate",
        "certificate",
        "CertificateId",
        _paged("ListSigningCertificates", "Certificates"),
        "ListSigningCertificates",
        "UpdateSigningCertificate",
    ),
)
