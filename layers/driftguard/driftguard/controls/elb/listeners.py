"""Listeners that no longer encrypt, take old versions of TLS, or let clients in unproven.

Sources: Elastic Load Balancing, "Update an HTTPS listener for your Application Load Balancer",
"Security policies for your Application Load Balancer" and "Mutual authentication with TLS in
Application Load Balancer"; Elastic Load Balancing API Reference, "ModifyListener" (a listener that
encrypts no more loses its policy and certificates) and "AddListenerCertificates".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from driftguard.aws.calls import AwsError, document
from driftguard.aws.client import Reader
from driftguard.documents import Document, Json, flag, items, mapping, text
from driftguard.events.cloudtrail import omitted
from driftguard.model import (
    Call,
    Candidate,
    Certainty,
    Change,
    Finding,
    Observation,
    Plan,
    Resource,
    Step,
)

from ..control import Control, NoSettings, References
from ..mechanisms.declared import listed
from ..mechanisms.weakened import TOLD, told
from .records import LISTENER, OLD_CLIENTS, arn_in, by_arn, found, is_old, load_balancers, on

_ENCRYPTED = ("HTTPS", "TLS")
_GONE = ("ListenerNotFound", "LoadBalancerNotFound")
_MUTUAL = "MutualAuthentication"
_FIELDS = ("Protocol", "Port", "SslPolicy", "Certificates", "AlpnPolicy", _MUTUAL)
# The certificates beside the default one: calls of their own add and remove them.
_OTHERS = "OtherCertificates"
# How much a listener asks of its clients, from nothing up.
_MODES = ("off", "passthrough", "verify")


class ListenerWeakened(Control[NoSettings]):
    """A listener encrypts less than before, or no longer checks its clients' certificates.

    What it lost comes back whole: the policy, the default certificate and the others, the protocol
    that TLS negotiates, mutual authentication.
    """

    id = "elb.listener-weakened"
    title = "Listener's encryption weakened"
    severity = 65
    references = References(security_hub=("ELB.17",), attack=("T1562.010", "T1557"))
    triggers = (on("ModifyListener"),)
    reads = (
        "elasticloadbalancing:DescribeListenerCertificates",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
    )
    writes = {
        "elasticloadbalancing:AddListenerCertificates": (LISTENER,),
        "elasticloadbalancing:ModifyListener": (LISTENER,),
        "elasticloadbalancing:RemoveListenerCertificates": (LISTENER,),
    }
    cuts = OLD_CLIENTS
    baselined = True
    to_its_end = True
    settings = NoSettings

    def screen(self, change: Change, settings: NoSettings) -> Iterable[Candidate]:
        arn = arn_in(change.request, "listenerArn")
        if not arn:
            return
        where = by_arn(change, "listener", arn)
        protocol = text(change.request, "protocol")
        if is_old(text(change.request, "sslPolicy")):
            yield told(where, "SslPolicy")
        # A listener that never encrypted is modified in the same way: the baseline tells.
        elif (
            (protocol and protocol not in _ENCRYPTED)
            or change.request.get("mutualAuthentication") is not None
            or omitted(change.request)
        ):
            yield Candidate(where, Certainty.POSSIBLE)

    def observe(self, candidate: Candidate, reader: Reader) -> Document | None:
        answer = reader.read(
            "elbv2", "DescribeListeners", ListenerArns=[candidate.resource.id], absent=_GONE
        )
        described = next(items(document(answer).get("Listeners")), None)
        if described is None:
            return None
        encrypted = text(described, "Protocol") in _ENCRYPTED
        fields = _FIELDS if encrypted else _FIELDS[:2]
        state = {name: described[name] for name in fields if described.get(name)}
        if _MUTUAL in state:
            # Whether a shared trust store is still shared is not the listener's.
            mutual = mapping(state, _MUTUAL)
            state[_MUTUAL] = {k: v for k, v in mutual.items() if k != "TrustStoreAssociationStatus"}
        if encrypted:
            # ModifyListener takes the default certificate alone.
            default = list(items(state.get("Certificates")))[:1]
            state["Certificates"] = list(default)
            names = [text(certificate, "CertificateArn") for certificate in default]
            others = _certificates_of(reader, candidate.resource.id)
            state[_OTHERS] = sorted(arn for arn in others if arn not in names)
        return {**state, **candidate.hint}

    def inventory(self, reader: Reader) -> Iterable[Resource]:
        for balancer in load_balancers(reader):
            arn = text(balancer, "LoadBalancerArn")
            pages = reader.pages("elbv2", "DescribeListeners", "Listeners", LoadBalancerArn=arn)
            try:
                listeners = [text(document(listener), "ListenerArn") for listener in pages]
            except AwsError as error:
                if error.code not in _GONE:
                    raise
                # It was deleted after it was listed; the others are still there.
                continue
            yield from (found(reader, "listener", listener) for listener in listeners)

    def assess(
        self, state: Document, baseline: Document | None, settings: NoSettings
    ) -> Finding | None:
        weak = _weaker(state, baseline)
        if not weak:
            return None
        return Finding("; ".join(dict.fromkeys(weak.values())), tuple(weak))

    def plan(
        self,
        candidate: Candidate,
        observation: Observation,
        baseline: Document | None,
        settings: NoSettings,
    ) -> Plan:
        weak = tuple(_weaker(observation.state, baseline))
        if baseline is None:
            return Plan((), advice=f"What {', '.join(weak)} was before is not recorded.")
        return _restored(candidate.resource, observation.state, baseline, weak)

    def put_back(self, candidate: Candidate, observation: Observation, baseline: Document) -> Plan:
        state = observation.state
        differs = tuple(name for name in _FIELDS if state.get(name) != baseline.get(name))
        return _restored(candidate.resource, state, baseline, differs)


def _certificates_of(reader: Reader, listener: str) -> set[str]:
    """All certificates of a listener that encrypts."""
    pages = reader.pages(
        "elbv2", "DescribeListenerCertificates", "Certificates", ListenerArn=listener
    )
    return {text(document(certificate), "CertificateArn") for certificate in pages}


def _weaker(state: Document, baseline: Document | None) -> Mapping[str, str]:
    """The fields that the listener lost, each with the reason.

    Without a baseline only a record's word counts: AWS's own default takes old versions of TLS.
    """
    now = text(state, "SslPolicy")
    if baseline is None:
        old = is_old(now) and "SslPolicy" in listed(state, TOLD)
        return {"SslPolicy": f"{now} takes old versions of TLS"} if old else {}
    if text(baseline, "Protocol") not in _ENCRYPTED:
        return {}
    if text(state, "Protocol") not in _ENCRYPTED:
        why = f"it no longer encrypts: {text(state, 'Protocol')}, not {text(baseline, 'Protocol')}"
        return {name: why for name in _FIELDS if state.get(name) != baseline.get(name)}
    weak = {}
    before = text(baseline, "SslPolicy")
    if is_old(now) and not is_old(before):
        weak["SslPolicy"] = f"{now}, no longer {before}, takes old versions of TLS"
    if why := _less_proven(mapping(state, _MUTUAL), mapping(baseline, _MUTUAL)):
        weak[_MUTUAL] = why
    return weak


def _less_proven(now: Document, before: Document) -> str:
    """Why clients have to prove less than before; "" if they do not."""
    mode, earlier = text(now, "Mode") or _MODES[0], text(before, "Mode") or _MODES[0]
    if mode not in _MODES or earlier not in _MODES:
        return ""
    if _MODES.index(mode) < _MODES.index(earlier):
        return f"clients' certificates: {mode}, no longer {earlier}"
    if earlier != _MODES[-1]:
        return ""
    if text(now, "TrustStoreArn") != text(before, "TrustStoreArn"):
        return "clients' certificates are checked against another trust store"
    ignored = "IgnoreClientCertificateExpiry"
    if flag(now.get(ignored)) is True and flag(before.get(ignored)) is not True:
        return "clients' certificates that have expired are accepted"
    return ""


def _restored(
    listener: Resource, state: Document, before: Document, names: tuple[str, ...]
) -> Plan:
    """Sets these fields as before; a listener that encrypts again gets all certificates again."""
    steps = [Step(_modify(listener, before, names), (_modify(listener, state, names),))]
    there = listed(state, _OTHERS)
    lost = [arn for arn in listed(before, _OTHERS) if arn not in there]
    if lost and text(state, "Protocol") not in _ENCRYPTED:
        steps.append(
            Step(_certificates("Add", listener, lost), (_certificates("Remove", listener, lost),))
        )
    untouched = tuple(name for name in _FIELDS if name in state and name not in names)
    return Plan(tuple(steps), untouched=untouched)


def _modify(listener: Resource, state: Document, names: tuple[str, ...]) -> Call:
    fields = {name: state[name] for name in names if name in state}
    if _MUTUAL in fields and text(mapping(fields, _MUTUAL), "Mode") != _MODES[-1]:
        # Only a listener that verifies takes a trust store.
        fields[_MUTUAL] = {"Mode": text(mapping(fields, _MUTUAL), "Mode")}
    return Call(
        "elbv2", "ModifyListener", {"ListenerArn": listener.id, **fields}, on=(listener.arn,)
    )


def _certificates(what: str, listener: Resource, arns: list[Json]) -> Call:
    parameters: Document = {
        "ListenerArn": listener.id,
        "Certificates": [{"CertificateArn": arn} for arn in arns],
    }
    return Call("elbv2", f"{what}ListenerCertificates", parameters, on=(listener.arn,))


CONTROLS = (ListenerWeakened(),)
