"""The dependent actions that no control has to be granted, each with the reason.

Source: Service Authorization Reference, column "Dependent actions": what the caller must be allowed
beside the action, for some requests or for some kinds of resources.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NotNeeded:
    """Why actions that depend on another are not needed for what plans do.

    `only_with` are the parameters that AWS asks for them for: no plan may give one of them.
    """

    actions: tuple[str, ...]
    why: str
    only_with: tuple[str, ...] = ()


# Parameters of both calls: where the master password is kept, under which key, who monitors.
_OF_DATABASES = (
    *("DBInstanceClass", "Domain", "DomainIAMRoleName", "EnablePerformanceInsights"),
    *("ManageMasterUserPassword", "MasterUserPassword", "MasterUserSecretKmsKeyId"),
    *("MonitoringRoleArn", "MultiTenant", "PerformanceInsightsKMSKeyId", "StorageType"),
    *("RotateMasterUserPassword",),
)
_DATABASE = NotNeeded(
    (
        *("iam:PassRole", "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey"),
        *("kms:GenerateDataKey", "rds:AddTagsToResource", "rds:CreateTenantDatabase"),
        *("secretsmanager:CreateSecret", "secretsmanager:RotateSecret"),
        "secretsmanager:TagResource",
    ),
    "plans turn protection on, or public access off, and touch no password, key, role or tenant",
    only_with=_OF_DATABASES,
)
_ABOUT = "wafv2.disassociated is about load balancers and stages of REST APIs"
# The kinds of resources of which a web ACL is not put back, and rule groups that are shared.
_NOT_FRONTED = (
    *("amplify:AssociateWebACL", "amplify:DisassociateWebACL", "apprunner:AssociateWebAcl"),
    *("apprunner:DisassociateWebAcl", "appsync:AssociateWebACL", "appsync:DisassociateWebACL"),
    *("appsync:SetWebACL", "cognito-idp:AssociateWebACL", "cognito-idp:DisassociateWebACL"),
    *("ec2:AssociateVerifiedAccessInstanceWebAcl",),
    *("ec2:DisassociateVerifiedAccessInstanceWebAcl",),
)
_FRONTED = (
    NotNeeded(_NOT_FRONTED, _ABOUT),
    NotNeeded(
        ("wafv2:GetPermissionPolicy", "wafv2:PutPermissionPolicy"),
        "they are for the policy of a rule group that accounts share; the plan names none",
    ),
)

NOT_NEEDED: dict[str, tuple[NotNeeded, ...]] = {
    "autoscaling:UpdateAutoScalingGroup": (
        NotNeeded(
            ("iam:PassRole",),
            "the plan sets the least size, and neither a role nor what is launched",
            only_with=(
                *("LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy"),
                "ServiceLinkedRoleARN",
            ),
        ),
    ),
    "cloudtrail:CreateTrail": (
        NotNeeded(
            (
                *("iam:CreateServiceLinkedRole", "iam:GetRole"),
                "organizations:ListAWSServiceAccessForOrganization",
            ),
            "an organization's trail is not made anew",
            only_with=("IsOrganizationTrail",),
        ),
    ),
    "guardduty:UpdateThreatEntitySet": (
        NotNeeded(("s3:GetObject",), "the plan names no list anew", only_with=("Location",)),
    ),
    "guardduty:UpdateTrustedEntitySet": (
        NotNeeded(("s3:GetObject",), "the plan names no list anew", only_with=("Location",)),
    ),
    "cloudtrail:UpdateEventDataStore": (
        NotNeeded(
            (
                *("iam:CreateServiceLinkedRole", "iam:GetRole", "kms:Decrypt"),
                *("kms:GenerateDataKey", "organizations:ListAWSServiceAccessForOrganization"),
            ),
            "plans touch neither the key nor whether the store is the organization's",
            only_with=("KmsKeyId", "OrganizationEnabled"),
        ),
    ),
    "rds:ModifyDBCluster": (_DATABASE,),
    "rds:ModifyDBInstance": (_DATABASE,),
    "redshift:ModifyCluster": (
        NotNeeded(
            (
                *("acm:DescribeCertificate", "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey"),
                *("kms:GenerateDataKey", "kms:RetireGrant", "secretsmanager:CreateSecret"),
                *("secretsmanager:DeleteSecret", "secretsmanager:DescribeSecret"),
                *("secretsmanager:GetRandomPassword", "secretsmanager:RotateSecret"),
                *("secretsmanager:TagResource", "secretsmanager:UpdateSecret"),
            ),
            "the plan turns public access off, and touches no password, key or certificate",
            only_with=(
                *("CustomDomainCertificateArn", "Encrypted", "KmsKeyId", "ManageMasterPassword"),
                *("MasterPasswordSecretKmsKeyId", "MasterUserPassword"),
            ),
        ),
    ),
    "sns:SetTopicAttributes": (
        NotNeeded(("iam:PassRole",), "the plan sets the policy, and no role for feedback"),
    ),
    "wafv2:AssociateWebACL": _FRONTED,
    "wafv2:DisassociateWebACL": _FRONTED,
    # Reads.
    **dict.fromkeys(
        (
            *("sso:DescribeAccountAssignmentCreationStatus", "sso:GetInlinePolicyForPermissionSet"),
            "sso:DescribeTrustedTokenIssuer",
            *("sso:ListAccountAssignments", "sso:ListAccountsForProvisionedPermissionSet"),
            "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
            "sso:ListManagedPoliciesInPermissionSet",
        ),
        (
            NotNeeded(
                ("kms:Decrypt",),
                "the policy of a customer's key has to name the guard's role in any case, and then "
                "allows it: the guard itself decrypts nothing else",
            ),
        ),
    ),
    "wafv2:GetWebACLForResource": (
        NotNeeded(
            (
                *("amplify:GetWebACLForResource", "apprunner:DescribeWebAclForService"),
                *("appsync:GetWebACLForResource", "cognito-idp:GetWebACLForResource"),
                "ec2:GetVerifiedAccessInstanceWebAcl",
            ),
            _ABOUT,
        ),
    ),
    "wafv2:ListResourcesForWebACL": (
        NotNeeded(
            (
                *("amplify:ListResourcesForWebACL", "apprunner:ListAssociatedServicesForWebAcl"),
                *("appsync:ListResourcesForWebACL", "cognito-idp:ListResourcesForWebACL"),
                "ec2:DescribeVerifiedAccessInstanceWebAclAssociations",
            ),
            _ABOUT,
        ),
    ),
}


def reasoned(action: str) -> frozenset[str]:
    """The dependent actions of an action that need no grant."""
    return frozenset(one for each in NOT_NEEDED.get(action, ()) for one in each.actions)


def given_nevertheless(action: str, parameters: object) -> list[str]:
    """The parameters of a plan's call that make a dependent action needed after all."""
    given = parameters if isinstance(parameters, dict) else {}
    return [name for each in NOT_NEEDED.get(action, ()) for name in each.only_with if name in given]
