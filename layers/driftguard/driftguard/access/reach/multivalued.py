"""The condition keys that AWS documents as multivalued: a request may carry several values at once.

So two tests that each ask for some value do not contradict one another, whatever they name.

Sources: IAM User Guide, "AWS global condition context keys" (value type: multivalued) and "IAM and
AWS STS condition context keys" (`amr` of an identity provider); Service Authorization Reference,
the condition keys of each service (type ArrayOfString, ArrayOfARN, ArrayOfBool).
"""

from collections.abc import Mapping
from typing import Final

_BY_PREFIX: Final[Mapping[str, str]] = {
    "a4b": "filters_devicetype",
    "account": "accountresourceorgpaths alternatecontacttypes",
    "acm": "domainnames",
    "apigateway": """
        request/apikeyrequired request/authorizertype request/authorizeruri
        request/conditionbasepaths request/endpointtype request/routeauthorizationtype
        request/securitypolicy resource/apikeyrequired resource/authorizertype
        resource/authorizeruri resource/conditionbasepaths resource/endpointtype
        resource/routeauthorizationtype resource/securitypolicy
    """,
    "autoscaling": """
        capacityreservationids capacityreservationresourcegrouparns loadbalancernames
        targetgrouparns trafficsourceidentifiers vpczoneidentifiers
    """,
    "aws": """
        calledvia principalorgpaths principalservicenameslist resourceorgpaths
        sourceorgpaths tagkeys vpceorgpaths
    """,
    "aws-marketplace": "agreementtype productid",
    "backup": "copytargetorgpaths copytargets frameworkarns",
    "bedrock-agentcore": "inboundjwtclaim/aud inboundjwtclaim/scope securitygroups subnets",
    "bedrock-mantle": "files",
    "cloudformation": "resourcetypes targetregion",
    "cloudshell": "securitygroupids subnetids vpcids",
    "cloudwatch": "alarmactions requestinsightruleloggroups requestmanagedresourcearns",
    "codebuild": """
        buildbatchconfig.restrictions.computetypesallowed
        buildbatchconfig.restrictions.fleetsallowed cache.modes
        environment.environmentvariables.name environment.environmentvariables.value
        filesystemlocations.identifier filesystemlocations.location filesystemlocations.type
        secondaryartifacts.artifactidentifier secondaryartifacts.bucketowneraccess
        secondaryartifacts.encryptiondisabled secondaryartifacts.location
        secondarysources.auth.resource secondarysources.auth.type
        secondarysources.buildstatusconfig.context
        secondarysources.buildstatusconfig.targeturl secondarysources.insecuressl
        secondarysources.location secondarysources.sourceidentifier
        vpcconfig.securitygroupids vpcconfig.subnets
    """,
    "comprehend": "vpcsecuritygroupids vpcsubnets",
    "connect": """
        flowtype listrealtimecontactanalysissegmentsbysegmenttype monitorcapabilities
        searchcontactsbycontactanalysis
    """,
    "datapipeline": "pipelinecreator workergroup",
    "deadline": """
        farmmembershiplevels fleetmembershiplevels jobmembershiplevels queuemembershiplevels
    """,
    "devops-guru": "servicenames",
    "dsql": "fistargetarns",
    "dynamodb": """
        attributes firstpartitionkeyvalues fistargetarns fourthpartitionkeyvalues
        leadingkeys secondpartitionkeyvalues thirdpartitionkeyvalues
    """,
    "ec2": """
        fistargetarns ikeversions phase1dhgroup phase1encryptionalgorithms
        phase1integrityalgorithms phase2dhgroup phase2encryptionalgorithms
        phase2integrityalgorithms vpceprivatednsspecifieddomains
    """,
    "ecs": "capacity-provider compute-compatibility subnet",
    "eks": "kubernetesgroups namespaces",
    "elasticloadbalancing": "securitygroup securitypolicy subnet",
    "events": "detail-type eventbusarn source targetarn",
    "fis": "operations targets",
    "geo": "deviceids geofenceids",
    "glue": "securitygroupids subnetids vpcids",
    "identitystore": "groupexternalidissuers groupid userexternalidissuers userid",
    "imagebuilder": "createdresourcetagkeys",
    "iot": "thinggrouparn tunneldestinationservice",
    "iotfleetwise": "signals",
    "iottwinmaker": "destinationtype linkedservices sourcetype",
    "kinesis": "fistargetarns",
    "kms": "encryptioncontextkeys grantoperations resourcealiases",
    "lambda": "layer securitygroupids subnetids",
    "lex": "associatedintents associatedslottypes",
    "logs": "loggeneratingresourcearns",
    "networkmanager": "edgelocations subnetarns",
    "oam": "resourcetypes",
    "observabilityadmin": "centralizationsourceregions",
    "partnercentral": "fulfillmenttypes programs",
    "partnercentral-account-management": """
        legacypartnercentralrole marketingcentralrole proserverole
    """,
    "payment-cryptography": "resourcealiases",
    "pi": "dimensions",
    "quicksight": "allowedembeddingdomains kmskeyarns",
    "refactor-spaces": "createdbyaccountids",
    "route53": """
        changeresourcerecordsetsactions changeresourcerecordsetsnormalizedrecordnames
        changeresourcerecordsetsrecordtypes
    """,
    "s3": "inventoryaccessibleoptionalfields requestobjecttagkeys",
    "s3express": "permissions",
    "sagemaker": """
        acceleratortypes customermetadatapropertiestoremove imagearns imageversionarns
        instancetypes studiolifecycleconfigarns vpcsecuritygroupids vpcsubnets
    """,
    "saml": """
        cn eduorghomepageuri eduorgidentityauthnpolicyuri eduorglegalname eduorgsuperioruri
        eduorgwhitepagesuri edupersonaffiliation edupersonassurance edupersonentitlement
        edupersonnickname edupersonorgunitdn edupersonscopedaffiliation edupersontargetedid
    """,
    "secretsmanager": "addreplicaregions",
    "ses": "recipients replicaregion",
    "ssm": "documentcategories documentversion inventorytypename",
    "states": "statemachinequalifier",
    "sts": "identitytokenaudience requestcontextproviders transitivetagkeys",
    "synthetics": "names",
    "transfer": "requestserverprotocols",
    "vpc-lattice": "privatednsspecifieddomains securitygroupids targetgrouparns",
    "wisdom": "messagetemplate/routingprofilearn searchfilter/qualifier",
}
KEYS: Final = frozenset(
    f"{prefix}:{name}" for prefix, names in _BY_PREFIX.items() for name in names.split()
)
# Claims of any identity provider's tokens.
_CLAIMS: Final = frozenset({"amr"})
_PREFIXES: Final = ("vpc-lattice-svcs:requestquerystring/",)


def is_multivalued(key: str) -> bool:
    """Whether a request may carry several values of a key, which is in lower case."""
    provider, _, claim = key.rpartition(":")
    is_claim = claim in _CLAIMS and "." in provider
    return key in KEYS or is_claim or key.startswith(_PREFIXES)
