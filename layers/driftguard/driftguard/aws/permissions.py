"""Says which IAM actions an API call needs: mostly the call's own name, and the exceptions here.

Source: Service Authorization Reference, "Actions, resources, and condition keys" of each service.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from driftguard.documents import Json, items, text
from driftguard.model import Call

from .references import grants_in

# boto3's service name → the prefix of its IAM actions, where they differ.
_PREFIX = {
    "accessanalyzer": "access-analyzer",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "emr": "elasticmapreduce",
    "opensearch": "es",
    "opensearchserverless": "aoss",
    "s3control": "s3",
    "sso-admin": "sso",
}

# (service, operation) → actions, where they are not the operation's own name.
_ACTIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("s3", "HeadBucket"): ("s3:ListBucket",),
    ("s3", "ListBuckets"): ("s3:ListAllMyBuckets",),
    ("s3", "DeleteBucketEncryption"): ("s3:PutEncryptionConfiguration",),
    ("s3", "DeleteBucketInventoryConfiguration"): ("s3:PutInventoryConfiguration",),
    ("s3", "DeleteBucketLifecycle"): ("s3:PutLifecycleConfiguration",),
    ("s3", "DeleteBucketOwnershipControls"): ("s3:PutBucketOwnershipControls",),
    ("s3", "DeleteBucketReplication"): ("s3:PutReplicationConfiguration",),
    ("s3", "GetBucketEncryption"): ("s3:GetEncryptionConfiguration",),
    ("s3", "GetBucketLifecycleConfiguration"): ("s3:GetLifecycleConfiguration",),
    ("s3", "GetBucketNotificationConfiguration"): ("s3:GetBucketNotification",),
    ("s3", "GetBucketReplication"): ("s3:GetReplicationConfiguration",),
    ("s3", "GetObjectLockConfiguration"): ("s3:GetBucketObjectLockConfiguration",),
    ("s3", "ListBucketInventoryConfigurations"): ("s3:GetInventoryConfiguration",),
    ("s3", "PutBucketEncryption"): ("s3:PutEncryptionConfiguration",),
    ("s3", "PutBucketInventoryConfiguration"): ("s3:PutInventoryConfiguration",),
    ("s3", "PutBucketLifecycleConfiguration"): ("s3:PutLifecycleConfiguration",),
    ("s3", "PutBucketNotificationConfiguration"): ("s3:PutBucketNotification",),
    ("s3", "PutBucketReplication"): ("s3:PutReplicationConfiguration",),
    ("s3", "PutObjectLockConfiguration"): ("s3:PutBucketObjectLockConfiguration",),
    ("s3", "PutPublicAccessBlock"): ("s3:PutBucketPublicAccessBlock",),
    ("s3", "GetPublicAccessBlock"): ("s3:GetBucketPublicAccessBlock",),
    ("s3", "DeletePublicAccessBlock"): ("s3:PutBucketPublicAccessBlock",),
    ("s3control", "GetPublicAccessBlock"): ("s3:GetAccountPublicAccessBlock",),
    ("s3control", "PutPublicAccessBlock"): ("s3:PutAccountPublicAccessBlock",),
    ("s3control", "DeletePublicAccessBlock"): ("s3:PutAccountPublicAccessBlock",),
}

# What a call needs beside its own action when this parameter is given.
_WITH: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {
    ("accessanalyzer", "CreateAnalyzer"): {"type": ("iam:CreateServiceLinkedRole",)},
    # Bedrock encrypts a guardrail with the caller's permission on its key.
    ("bedrock", "UpdateGuardrail"): {
        "kmsKeyId": ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")
    },
    ("cloudtrail", "CreateTrail"): {"TagsList": ("cloudtrail:AddTags",)},
    # CloudTrail looks, for an organization's trail, whether the organization trusts it.
    ("cloudtrail", "UpdateTrail"): {
        "IsOrganizationTrail": (
            "iam:CreateServiceLinkedRole",
            "iam:GetRole",
            "organizations:ListAWSServiceAccessForOrganization",
        )
    },
    ("cloudwatch", "PutMetricAlarm"): {"Tags": ("cloudwatch:TagResource",)},
    ("config", "PutConfigRule"): {"Tags": ("config:TagResource",)},
    # ECR has Amazon Inspector scan, or no longer, with the caller's permission.
    ("ecr", "PutRegistryScanningConfiguration"): {
        "scanType": ("inspector2:Disable", "inspector2:Enable")
    },
    ("eks", "CreateAccessEntry"): {"tags": ("eks:TagResource",)},
    ("events", "PutRule"): {"Tags": ("events:TagResource",)},
    # GuardDuty lets its own role read the list's bucket.
    ("guardduty", "UpdateIPSet"): {"Activate": ("iam:DeleteRolePolicy", "iam:PutRolePolicy")},
    ("guardduty", "UpdateThreatIntelSet"): {
        "Activate": ("iam:DeleteRolePolicy", "iam:PutRolePolicy")
    },
    ("iam", "CreateOpenIDConnectProvider"): {"Tags": ("iam:TagOpenIDConnectProvider",)},
    ("iam", "CreateSAMLProvider"): {"Tags": ("iam:TagSAMLProvider",)},
    ("lambda", "UpdateFunctionConfiguration"): {"Layers": ("lambda:GetLayerVersion",)},
    ("rds", "CreateDBClusterSnapshot"): {"Tags": ("rds:AddTagsToResource",)},
    ("rds", "CreateDBSnapshot"): {"Tags": ("rds:AddTagsToResource",)},
    ("route53resolver", "AssociateResolverQueryLogConfig"): {"ResourceId": ("ec2:DescribeVpcs",)},
    # Secrets Manager tries the function out with the caller's permission.
    ("secretsmanager", "RotateSecret"): {"RotationLambdaARN": ("lambda:InvokeFunction",)},
    ("securityhub", "BatchUpdateStandardsControlAssociations"): {
        "StandardsControlAssociationUpdates": ("securityhub:UpdateStandardsControl",)
    },
    ("securityhub", "EnableSecurityHub"): {"Tags": ("securityhub:TagResource",)},
    # A web ACL's logs are delivered by CloudWatch Logs.
    ("wafv2", "PutLoggingConfiguration"): {
        "LoggingConfiguration": ("logs:CreateLogDelivery", "logs:DeleteLogDelivery")
    },
    ("wafv2", "DeleteLoggingConfiguration"): {"ResourceArn": ("logs:DeleteLogDelivery",)},
}

# Actions that know no resources: IAM allows them on "*", or not at all.
_RESOURCELESS = frozenset(
    {
        "bedrock:PutModelInvocationLoggingConfiguration",
        "ec2:DescribeVpcs",
        "firehose:ListDeliveryStreams",
        "guardduty:StartMonitoringMembers",
        "guardduty:StopMonitoringMembers",
        "iam:DisableOrganizationsRootCredentialsManagement",
        "iam:DisableOrganizationsRootSessions",
        "iam:EnableOrganizationsRootCredentialsManagement",
        "iam:EnableOrganizationsRootSessions",
        "inspector2:Disable",
        "inspector2:Enable",
        "kms:ConnectCustomKeyStore",
        "kms:DisconnectCustomKeyStore",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeResourcePolicies",
        "logs:PutResourcePolicy",
        "organizations:DisableAWSServiceAccess",
        "organizations:EnableAWSServiceAccess",
        "organizations:ListAWSServiceAccessForOrganization",
        "securityhub:BatchUpdateStandardsControlAssociations",
    }
)

# Identity Center decrypts with the caller's permission, under a key that may be the management
# account's.
# Source: IAM Identity Center User Guide, "Baseline KMS key and IAM policy statements".
KEYS_OF_IDENTITY_CENTER = "arn:{partition}:kms:{region}:*:key/*"
VIA_IDENTITY_CENTER = "sso.*.amazonaws.com"

# Calls that hand a role to a service, and to which: the caller must be allowed to pass it on. Some
# name only what holds the role (a profile, a revision); the role is among what they are on.
_PASSING = {
    ("bedrock", "PutModelInvocationLoggingConfiguration"): "bedrock.amazonaws.com",
    ("cloudtrail", "CreateTrail"): "cloudtrail.amazonaws.com",
    ("cloudtrail", "UpdateTrail"): "cloudtrail.amazonaws.com",
    ("codebuild", "UpdateProjectVisibility"): "codebuild.amazonaws.com",
    ("config", "PutConfigurationRecorder"): "config.amazonaws.com",
    # Systems Manager runs the document under it.
    ("config", "PutRemediationConfigurations"): "ssm.amazonaws.com",
    ("ec2", "AssociateIamInstanceProfile"): "ec2.amazonaws.com",
    ("ecs", "UpdateService"): "ecs-tasks.amazonaws.com",
    ("events", "PutRule"): "events.amazonaws.com",
    ("events", "PutTargets"): "events.amazonaws.com",
    ("glue", "PutDataCatalogEncryptionSettings"): "glue.amazonaws.com",
    ("logs", "PutSubscriptionFilter"): "logs.amazonaws.com",
    ("s3", "PutBucketReplication"): "s3.amazonaws.com",
}

# The services that a plan may ever pass a role to.
PASSED_TO = tuple(sorted(set(_PASSING.values())))

# What WAF does with the caller's permission where a web ACL's logs go.
# Source: AWS WAF Developer Guide, "Logging destinations" (permissions of each kind).
_LOGGED_TO = {
    "firehose": ("firehose:ListDeliveryStreams", "iam:CreateServiceLinkedRole"),
    "logs": ("logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:PutResourcePolicy"),
    "s3": ("s3:GetBucketPolicy", "s3:PutBucketPolicy"),
}

# What changes a function, whose environment Lambda encrypts again under its customer's key.
# Source: AWS Lambda Developer Guide, "Securing Lambda environment variables".
_ENCRYPTED_AGAIN = frozenset(
    {"PublishVersion", "UpdateFunctionCode", "UpdateFunctionConfiguration"}
)

# What putting a web ACL before a resource, or taking it away, needs of the resource's own service.
_FRONTED = {
    ("AssociateWebACL", "apigateway"): ("apigateway:SetWebACL",),
    ("DisassociateWebACL", "apigateway"): ("apigateway:SetWebACL",),
    ("AssociateWebACL", "elasticloadbalancing"): (
        "elasticloadbalancing:CreateWebACLAssociation",
        "elasticloadbalancing:SetWebAcl",
    ),
    ("DisassociateWebACL", "elasticloadbalancing"): (
        "elasticloadbalancing:DeleteWebACLAssociation",
        "elasticloadbalancing:SetWebAcl",
    ),
}


def actions_of(service: str, operation: str) -> tuple[str, ...]:
    """The IAM actions of an API call: `("s3", "GetPublicAccessBlock")` → one S3 action."""
    known = _ACTIONS.get((service, operation))
    return known or (f"{_PREFIX.get(service, service)}:{operation}",)


def permissions_of(call: Call) -> tuple[str, ...]:
    """The IAM actions that one planned call needs, tagging what it makes included."""
    held = dict(grants_in(call.parameters))
    actions = (*actions_of(call.service, call.operation), *_beside(call), *held)
    if call.service == "ec2" and "TagSpecifications" in call.parameters:
        return (*actions, "ec2:CreateTags")
    return actions


def grants_of(call: Call) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each IAM action that a planned call needs, with those of the call's ARNs that it is on."""
    named = tuple(arn for arn in call.on if arn != "*")
    roles = _handed(call)
    held: dict[str, tuple[str, ...]] = {}
    for action, arn in grants_in(call.parameters):
        held[action] = (*held.get(action, ()), arn)
    for action in permissions_of(call):
        if action in _RESOURCELESS and "*" in call.on:
            yield action, ("*",)
        elif action == "iam:PassRole" and roles:
            yield action, roles
        elif action in held:
            yield action, held[action]
        elif action.startswith("kms:") and (keys := _keys(named)):
            yield action, keys
        elif action == "ec2:CreateTags" and (made := _tagged(call, named)):
            yield action, made
        elif action == "rds:AddTagsToResource":
            # Of what the call is on, the snapshot is what it makes, and named last.
            yield action, named[-1:]
        else:
            yield action, named or call.on


def roles_in(value: Json) -> tuple[str, ...]:
    """The ARNs of the roles that a call's parameters name, wherever they stand in them."""
    return tuple(dict.fromkeys(_roles(value)))


def _handed(call: Call) -> tuple[str, ...]:
    """The roles that a call is on and hands over: a service-linked one only where it names it."""
    named = roles_in(call.parameters)
    roles = (arn for arn in call.on if ":role/" in arn)
    return tuple(arn for arn in roles if "/aws-service-role/" not in arn or arn in named)


def _keys(arns: Iterable[str]) -> tuple[str, ...]:
    return tuple(arn for arn in arns if arn.split(":")[2:3] == ["kms"])


def _tagged(call: Call, arns: Iterable[str]) -> tuple[str, ...]:
    """Those of a call's ARNs that are of a kind which it tags as it makes it."""
    specified = items(call.parameters.get("TagSpecifications"))
    kinds = {f"{text(one, 'ResourceType')}/" for one in specified}
    return tuple(arn for arn in arns if arn.split(":", 5)[5].startswith(tuple(kinds)))


def _beside(call: Call) -> Iterator[str]:
    """What a call needs beside its own action, by its parameters."""
    key = (call.service, call.operation)
    for parameter, actions in _WITH.get(key, {}).items():
        if parameter in call.parameters:
            yield from actions
    if key in _PASSING and (roles_in(call.parameters) or _handed(call)):
        yield "iam:PassRole"
    if call.service == "sso-admin":
        yield "kms:Decrypt"
    if call.service == "lambda" and call.operation in _ENCRYPTED_AGAIN and _keys(call.on):
        yield from ("kms:CreateGrant", "kms:Decrypt", "kms:Encrypt")
    if call.service == "wafv2":
        if call.operation == "PutLoggingConfiguration":
            for arn in call.on:
                yield from _LOGGED_TO.get("".join(arn.split(":")[2:3]), ())
        fronted = str(call.parameters.get("ResourceArn")).split(":")[2:3]
        yield from _FRONTED.get((call.operation, "".join(fronted)), ())


def _roles(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith("arn:") and ":iam::" in value and ":role/" in value:
            yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _roles(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _roles(inner)
