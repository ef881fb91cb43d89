"""Layers that AWS itself publishes, by the accounts that it names for them.

Sources: Powertools for AWS Lambda, "Lambda Layer" (Python, TypeScript, Java); Amazon CloudWatch
User Guide, "Available versions of the Lambda Insights extension"; AWS Systems Manager User Guide,
"Using Parameter Store parameters in AWS Lambda functions"; AWS AppConfig User Guide, "Available
versions of the AWS AppConfig Agent Lambda extension"; AWS Distro for OpenTelemetry, "AWS Lambda";
AWS SDK for pandas, "AWS Lambda Managed Layers".
"""

from __future__ import annotations

# What the names of the layers begin with → the accounts that AWS publishes them from.
_PUBLISHED = {
    "AWSLambdaPowertools": """
        017000801446 094274105915 165087284144 165093116878 498634801083
    """,
    "LambdaInsightsExtension": """
        012438385374 033019950311 194566237122 285320876703 339249233099 352183217350 439286490199
        488211338238 519774774795 580247275435 732604637566 891564319516
    """,
    "AWS-Parameters-and-Secrets-Lambda-Extension": """
        015030872274 044395824272 070087711984 127562683043 129776340158 133256977650 133490724326
        176022468876 177933569100 187925254637 200266452380 287114880934 287310001119 317013901791
        325218067255 345057560386 427196147048 490737872127 524103009944 576959938190 590474943231
        665172237481 738900069198 768336418462 772501565639 780235371811 832021897121 933737806257
        997803712105
    """,
    "AWS-AppConfig-Extension": """
        000010852771 027255383542 039592058896 066940009817 080788657173 203683718741 282860088358
        359756378197 418787028745 421114256042 434848589818 489524808438 493207061005 554480029851
        559955524753 574348263942 586093569114 615057806174 615084187847 630222743974 646970417810
        662846165436 706869817123 728743619870 758369105281 826293736237 946561847325 946746059096
        958113053741 980059726660
    """,
    "aws-otel": "901920570463",
    "AWSOpenTelemetryDistro": "615299751070",
    "AWSSDKPandas": "336392948345",
}


def is_of_aws(layer: str) -> bool:
    """Whether the ARN of a layer's version is of a layer that AWS publishes.

    Both its account and its name must be AWS's; anybody may call a layer so.
    """
    parts = layer.split(":")
    if len(parts) < 7 or parts[5] != "layer":
        return False
    account, name = parts[4], parts[6]
    return any(
        name.startswith(begins) and account in accounts.split()
        for begins, accounts in _PUBLISHED.items()
    )
