"""Kinesis: streams open by their policy, or no longer encrypted.

Sources: Amazon Kinesis Data Streams Service API Reference, "PutResourcePolicy",
"GetResourcePolicy", "StopStreamEncryption" and "StartStreamEncryption".
"""

from __future__ import annotations

from collections.abc import Iterator

from driftguard.aws.calls import document
from driftguard.aws.client import Reader
from driftguard.documents import Document, mapping, text
from driftguard.model import Call, Candidate, Certainty, Change, Resource

from .control import NOTHING, Busy, References, Settling, Trigger, partition_of, resource
from .mechanisms.resource_policy import OpenPolicy
from .mechanisms.switch import Switch

_KINESIS = "kinesis.amazonaws.com"
_STREAMS = ("arn:{partition}:kinesis:{region}:{account}:stream/*",)
_GONE = ("ResourceNotFoundException",)
_BUSY = (Busy("ResourceInUseException"),)


def _streams(reader: Reader) -> Iterator[Resource]:
    where = f"arn:{partition_of(reader.region)}:kinesis:{reader.region}:{reader.account}:stream"
    for name in map(str, reader.pages("kinesis", "ListStreams", "StreamNames")):
        yield Resource("kinesis.stream", name, reader.account, reader.region, f"{where}/{name}")


# ------------------------------------------------------------------------------------ policy


def _shared(change: Change) -> Iterator[Candidate]:
    """The stream of a record, or a consumer of one: both may have a policy."""
    tail = text(change.request, "resourceARN").partition(":stream/")[2]
    if tail:
        where = f"kinesis:{{region}}:{{account}}:stream/{tail}"
        yield Candidate(resource(change, "kinesis.stream", tail, where), Certainty.POSSIBLE)


def _policy(stream: Resource, reader: Reader) -> Document | None:
    found = reader.read("kinesis", "GetResourcePolicy", ResourceARN=stream.arn, absent=_GONE)
    if found is None:
        return None
    written = text(document(found), "Policy")
    return {"policy": "" if written == "{}" else written}


PUBLIC_POLICY = OpenPolicy(
    id="kinesis.public-policy",
    title="Data stream open by its policy",
    severity=85,
    cuts=NOTHING,
    busy=_BUSY,
    references=References(attack=("T1537", "T1530")),
    triggers=(Trigger(_KINESIS, "PutResourcePolicy"),),
    reads=("kinesis:GetResourcePolicy", "kinesis:ListStreams"),
    writes={"kinesis:PutResourcePolicy": _STREAMS, "kinesis:DeleteResourcePolicy": _STREAMS},
    found_by=_streams,
    service="kinesis",
    candidates=_shared,
    written=lambda change: change.request.get("policy"),
    read=_policy,
    put=lambda stream, written, _: Call(
        "kinesis",
        "PutResourcePolicy",
        {"ResourceARN": stream.arn, "Policy": written},
        on=(stream.arn,),
    ),
    delete=lambda stream, _: Call(
        "kinesis", "DeleteResourcePolicy", {"ResourceARN": stream.arn}, on=(stream.arn,)
    ),
)

# -------------------------------------------------------------------------------- encryption

_KEY = "arn:{partition}:kms:{region}:{account}:key/*"
# A key is named by its alias too, and one of AWS's own is no key of the account.
_ON = (*_STREAMS, _KEY)


def _decrypted(change: Change) -> Iterator[Candidate]:
    """The stream whose encryption was stopped; the record names the key that it had."""
    arn = text(change.request, "streamARN").partition(":stream/")[2]
    name = text(change.request, "streamName") or arn
    if change.name == "StopStreamEncryption" and name:
        where = f"kinesis:{{region}}:{{account}}:stream/{name}"
        hint = {"key": text(change.request, "keyId")}
        yield Candidate(resource(change, "kinesis.stream", name, where), Certainty.EVIDENT, hint)


def _encryption(stream: Resource, reader: Reader) -> Document | None:
    found = reader.read("kinesis", "DescribeStreamSummary", StreamName=stream.id, absent=_GONE)
    if found is None:
        return None
    summary = mapping(document(found), "StreamDescriptionSummary")
    return {"encrypted": text(summary, "EncryptionType") == "KMS", "key": text(summary, "KeyId")}


def _encrypt(stream: Resource, state: Document) -> Call:
    operation = "StartStreamEncryption" if state["encrypted"] else "StopStreamEncryption"
    key = stream.arn.partition(":kinesis:")[0] + f":kms:{stream.region}:{stream.account}:key/*"
    parameters: Document = {
        "StreamName": stream.id,
        "EncryptionType": "KMS",
        "KeyId": state["key"],
    }
    return Call("kinesis", operation, parameters, on=(stream.arn, key))


ENCRYPTION_OFF = Switch(
    id="kinesis.encryption-off",
    title="Data stream no longer encrypted",
    severity=60,
    # Producers and consumers could use the key until a moment ago.
    cuts=NOTHING,
    settling=Settling(
        60,
        "a stream is UPDATING until its encryption has changed (Amazon Kinesis Data Streams "
        "Service API Reference, “StartStreamEncryption”)",
    ),
    busy=_BUSY,
    references=References(security_hub=("Kinesis.1",), attack=("T1562",)),
    # Starting it is the harmless twin.
    triggers=(
        Trigger(_KINESIS, "StopStreamEncryption"),
        Trigger(_KINESIS, "StartStreamEncryption"),
    ),
    reads=("kinesis:DescribeStreamSummary",),
    writes={"kinesis:StartStreamEncryption": _ON, "kinesis:StopStreamEncryption": _ON},
    candidates=_decrypted,
    read=_encryption,
    risky=lambda state, _: "" if state["encrypted"] else "its records are stored unencrypted",
    safe=lambda state, _: {**state, "encrypted": True} if text(state, "key") else None,
    advice="If the record does not name the key that it had: look it up in the stream's template.",
    put=_encrypt,
)

CONTROLS = (PUBLIC_POLICY, ENCRYPTION_OFF)
