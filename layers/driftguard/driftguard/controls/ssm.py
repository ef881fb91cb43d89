"""Systems Manager: documents shared with others, or allowed to be shared with everybody."""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.access.policy import Trusted
from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, items, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Trigger, partition_of, resource
from .mechanisms.declared import listed
from .mechanisms.sharing import Sharing, is_trusted
from .mechanisms.switch import Switch

_SOURCE = "ssm.amazonaws.com"
# Source: AWS Systems Manager API Reference, "UpdateServiceSetting", errors.
_BUSY = (Busy("TooManyUpdates"),)
_DOCUMENT = ("arn:{partition}:ssm:{region}:{account}:document/*",)
_SHARING = "/ssm/documents/console/public-sharing-permission"
_SETTING = f"ssm:{{region}}:{{account}}:servicesetting{_SHARING}"


# ---------------------------------------------------------------------------- shared documents


def _shared(change: Change, trusted: Trusted) -> Iterator[Candidate]:
    name = text(change.request, "name")
    name = name.partition(":document/")[2] or name
    added = change.request.get("accountIdsToAdd")
    accounts = added if isinstance(added, (list, tuple)) else [added] if added else []
    strangers = [
        account for account in accounts if not _is_trusted(str(account), change.account, trusted)
    ]
    if name and (strangers or omitted(change.request)):
        certainty = Certainty.EVIDENT if strangers else Certainty.POSSIBLE
        where = f"ssm:{{region}}:{{account}}:document/{name}"
        yield Candidate(resource(change, "ssm.document", name, where), certainty)


def _documents(reader: Reader) -> Iterator[Resource]:
    """The account's own documents."""
    own = [{"Key": "Owner", "Values": ["Self"]}]
    where = f"arn:{partition_of(reader.region)}:ssm:{reader.region}:{reader.account}:document"
    for document_identifier in reader.pages(
        "ssm", "ListDocuments", "DocumentIdentifiers", Filters=own
    ):
        name = text(document(document_identifier), "Name")
        yield Resource("ssm.document", name, reader.account, reader.region, f"{where}/{name}")


def _is_trusted(account: str, own: str, trusted: Trusted) -> bool:
    return is_trusted("*" if account.lower() == "all" else account, own, trusted)


def _read_sharing(shared: Resource, reader: Reader) -> Document | None:
    """Each grantee with the version shared; "" where the service does not tell."""
    versions: dict[str, str] = {}
    named: set[str] = set()
    asked = {"Name": shared.id, "PermissionType": "Share"}
    while True:
        # The listing has no paginator.
        answer = reader.read(
            "ssm", "DescribeDocumentPermission", absent=("InvalidDocument",), **asked
        )
        if answer is None:
            return None
        page = document(answer)
        for item in items(page.get("AccountSharingInfoList")):
            versions[text(item, "AccountId")] = text(item, "SharedDocumentVersion")
        named.update(map(str, listed(page, "AccountIds")))
        if not text(page, "NextToken"):
            break
        asked["NextToken"] = text(page, "NextToken")
    return {
        "grantees": [
            {"account": account, "version": versions.get(account, "")} for account in sorted(named)
        ]
    }


def _account(grantee: Json) -> str:
    account = text(grantee, "account") if isinstance(grantee, dict) else ""
    return "*" if account.lower() == "all" else account


def _put(shared: Resource, some: list[Json], which: str) -> Call:
    (grantee,) = items(some)
    parameters: Document = {
        "Name": shared.id,
        "PermissionType": "Share",
        which: [text(grantee, "account")],
    }
    version = text(grantee, "version")
    if version and which == "AccountIdsToAdd":
        parameters = {**parameters, "SharedDocumentVersion": version}
    return Call("ssm", "ModifyDocumentPermission", parameters, on=(shared.arn,))


DOCUMENT_PUBLIC = Sharing(
    id="ssm.document-public",
    title="Document shared with everybody or a stranger",
    severity=80,
    cuts=NOTHING,
    references=References(security_hub=("SSM.4",), attack=("T1537", "T1530")),
    triggers=(Trigger(_SOURCE, "ModifyDocumentPermission"),),
    reads=("ssm:DescribeDocumentPermission", "ssm:ListDocuments"),
    found_by=_documents,
    writes={"ssm:ModifyDocumentPermission": _DOCUMENT},
    candidates=_shared,
    read=_read_sharing,
    account_of=_account,
    share=lambda shared, some: _put(shared, some, "AccountIdsToAdd"),
    unshare=lambda shared, some: _put(shared, some, "AccountIdsToRemove"),
    # A call shares one version with all it names, and each may have been given its own.
    singly=True,
)


# -------------------------------------------------------------------- sharing with everybody


def _allowed(change: Change) -> Iterator[Candidate]:
    setting = text(change.request, "settingId").partition("servicesetting")[2] or text(
        change.request, "settingId"
    )
    reset = change.name == "ResetServiceSetting"
    if setting == _SHARING and (reset or text(change.request, "settingValue") == "Enable"):
        where = resource(change, "ssm.service-setting", _SHARING, _SETTING)
        yield Candidate(where, Certainty.EVIDENT)


def _read_setting(setting: Resource, reader: Reader) -> Document | None:
    answer = document(reader.read("ssm", "GetServiceSetting", SettingId=setting.id))
    found = answer["ServiceSetting"]
    return {"value": text(found, "SettingValue") if isinstance(found, dict) else ""}


def _put_setting(setting: Resource, state: Document) -> Call:
    parameters = {"SettingId": setting.id, "SettingValue": state["value"]}
    return Call("ssm", "UpdateServiceSetting", parameters, on=(setting.arn,))


PUBLIC_SHARING_ALLOWED = Switch(
    id="ssm.public-sharing-allowed",
    title="Documents may be shared with everybody",
    severity=60,
    cuts=NOTHING,
    busy=_BUSY,
    references=References(security_hub=("SSM.7",), attack=("T1562",)),
    # AWS's default is to allow it: to reset the setting is to allow it.
    triggers=(
        Trigger(_SOURCE, "UpdateServiceSetting"),
        Trigger(_SOURCE, "ResetServiceSetting"),
    ),
    reads=("ssm:GetServiceSetting",),
    writes={"ssm:UpdateServiceSetting": (f"arn:{{partition}}:{_SETTING}",)},
    candidates=_allowed,
    read=_read_setting,
    risky=lambda state, _: (
        "documents of this account may be shared with everybody"
        if state["value"] == "Enable"
        else ""
    ),
    safe=lambda state, _: {**state, "value": "Disable"},
    put=_put_setting,
    proven="stub",
)

CONTROLS = (DOCUMENT_PUBLIC, PUBLIC_SHARING_ALLOWED)
