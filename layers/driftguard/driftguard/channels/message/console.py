"""Links to the AWS console: to the resource itself where its page is known, else to its service.

AWS does not document the addresses of most pages; those here are what the console itself shows. A
link that leads nowhere costs a click: people have the ARN beside it.

Source: AWS General Reference and the partitions' own guides, "Signing in" (the console's domains).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from driftguard.model import Resource

# The console's domain in each partition; another one gets no link.
_DOMAINS = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
_EC2 = "ec2/home?region={region}#"
_VPC = "vpcconsole/home?region={region}#"
_RDS = "rds/home?region={region}#"
# By the resource's kind. `{id}` is the resource's id, `{arn}` its ARN.
_PAGES: Mapping[str, str] = {
    "acmpca.certificate-authority": "acm-pca/home?region={region}#/details?arn={arn}",
    "apigateway.rest-api": "apigateway/main/apis/{id}/resources?api={id}&region={region}",
    "backup.vault": "backup/home?region={region}#/backupvaults/details/{id}",
    "cloudformation.stack": "cloudformation/home?region={region}#/stacks/stackinfo?stackId={arn}",
    "cloudtrail.trail": "cloudtrailv2/home?region={region}#/trails/{arn}",
    "cloudwatch.alarm": "cloudwatch/home?region={region}#alarmsV2:alarm/{id}",
    "config.rule": "config/home?region={region}#/rules/details?configRuleName={id}",
    "data.bucket": "s3/buckets/{id}?region={region}",
    "data.table": "dynamodbv2/home?region={region}#table?name={id}",
    "data.volume": _EC2 + "VolumeDetails:volumeId={id}",
    "dynamodb.table": "dynamodbv2/home?region={region}#table?name={id}",
    "ec2.image": _EC2 + "ImageDetails:imageId={id}",
    "ec2.instance": _EC2 + "InstanceDetails:instanceId={id}",
    "ec2.network-acl": _VPC + "NetworkAclDetails:networkAclId={id}",
    "ec2.network-interface": _EC2 + "NetworkInterface:networkInterfaceId={id}",
    "ec2.route-table": _VPC + "RouteTableDetails:RouteTableId={id}",
    "ec2.security-group": _EC2 + "SecurityGroup:groupId={id}",
    "ec2.snapshot": _EC2 + "SnapshotDetails:snapshotId={id}",
    "ec2.subnet": _VPC + "SubnetDetails:subnetId={id}",
    "ec2.volume": _EC2 + "VolumeDetails:volumeId={id}",
    "ec2.vpc-endpoint": _VPC + "EndpointDetails:vpcEndpointId={id}",
    "eks.cluster": "eks/clusters/{id}?region={region}",
    "iam.policy": "iam/home#/policies/details/{arn}",
    "iam.role": "iam/home#/roles/details/{id}",
    "iam.user": "iam/home#/users/details/{id}",
    "kms.key": "kms/home?region={region}#/kms/keys/{id}",
    "lambda.function": "lambda/home?region={region}#/functions/{id}",
    "rds.instance": _RDS + "database:id={id};is-cluster=false",
    "rds.snapshot": _RDS + "snapshot:id={id}",
    "s3.bucket": "s3/buckets/{id}?region={region}&tab=permissions",
    "secretsmanager.secret": "secretsmanager/secret?name={arn}&region={region}",
    "sns.topic": "sns/v3/home?region={region}#/topic/{arn}",
    "sqs.queue": "sqs/v3/home?region={region}#/queues/{id}",
}
# The console's name of a service, where it is not the one that its ARNs have.
_SERVICES: Mapping[str, str] = {
    "access-analyzer": "access-analyzer",
    "aoss": "aos",
    "apigateway": "apigateway",
    "cloudtrail": "cloudtrailv2",
    "dynamodb": "dynamodbv2",
    "elasticfilesystem": "efs",
    "elasticloadbalancing": "ec2",
    "elasticmapreduce": "emr",
    "es": "aos",
    "inspector2": "inspector/v2",
    "logs": "cloudwatch",
    "macie2": "macie",
    "network-firewall": "vpcconsole",
    "ssm": "systems-manager",
    "sso": "singlesignon",
}
# Where an account and its parts are shown has no page by region.
_NO_REGION = frozenset({"iam", "organizations", "route53", "account", "shield"})


def link(resource: Resource) -> str:
    """Where the console shows a resource; "" in a partition whose console is not known."""
    parts = resource.arn.split(":", 5)
    if len(parts) < 3 or parts[1] not in _DOMAINS or not parts[2].replace("-", "").isalnum():
        return ""
    domain, service, region = _DOMAINS[parts[1]], parts[2], resource.region
    page = _PAGES.get(resource.kind)
    if page is None:
        name = _SERVICES.get(service, service)
        page = f"{quote(name)}/home" + ("" if service in _NO_REGION else "?region={region}")
    elif service == "s3":
        region = resource.region
    filled = page.format(
        region=quote(region, safe=""),
        id=quote(resource.id, safe=""),
        arn=quote(resource.arn, safe=":"),
    )
    if not region:
        filled = filled.replace("?region=#", "#").replace("?region=", "")
    return f"https://{domain}/{filled}"
