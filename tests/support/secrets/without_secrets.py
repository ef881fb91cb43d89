"""Configuration values without a secret: ordinary ones, and ones that only look like it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from random import Random
from uuid import UUID

from cryptography.hazmat.primitives import serialization

from tests.support.secrets.cases import LAMBDA, TASK, Case, case, text_of
from tests.support.secrets.made_up import (
    BASE36,
    BASE62,
    BASE64,
    DIGITS,
    HEX,
    UPPER,
    URL_SAFE,
    armoured,
    edwards_key,
    elliptic_key,
    encoded,
    some,
)

# -------------------------------------------------------------------- what is no secret at all


def _made_name(start: str, dice: Random, alphabet: str) -> str:
    """A physical name as CloudFormation makes them up, of a resource as the CDK calls them."""
    return f"{start}{some(dice, HEX, 8).upper()}-{some(dice, alphabet, 12)}"


def ordinary() -> Iterator[Case]:
    dice = Random("ordinary")
    account = some(dice, DIGITS, 12)
    uuid = str(UUID(int=dice.getrandbits(128), version=4))
    values = {
        "DEBUG": "true",
        "VERBOSE": "False",
        "TRACING": "off",
        "MODE": "production",
        "STAGE": "prod",
        "LOG_LEVEL": "INFO",
        "RETRIES": "3",
        "TIMEOUT_MS": "30000",
        "RATIO": "0.75",
        "MAX_SIZE": "512MB",
        "INTERVAL": "5 minutes",
        "CRON": "cron(0 12 * * ? *)",
        "RATE": "rate(5 minutes)",
        "VERSION": "2.14.1-rc.3",
        "RUNTIME": "python3.13",
        "RELEASED": "2026-11-24T12:00:00Z",
        "SINCE": "2026-11-24",
        "REGION": "eu-central-1",
        "ZONE": "us-east-1a",
        "TZ": "Europe/Berlin",
        "LANG": "en_US.UTF-8",
        "ACCOUNT": account,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PWD": "/home/app",
        "HOME": "/root",
        "PYTHONPATH": "/opt/python:/var/task",
        "NODE_OPTIONS": "--enable-source-maps --max-old-space-size=1024",
        "JAVA_TOOL_OPTIONS": "-XX:+TieredCompilation -XX:TieredStopAtLevel=1",
        "CONFIG_FILE": "/etc/orders/config.yaml",
        "WINDOWS": "C:\\Program Files\\Orders\\orders.exe",
        "URL": "https://api.example.com/v2/orders?limit=10&sort=asc",
        "UPSTREAM": "http://orders.internal.example.com:8080/health",
        "CALLBACK": "https://example.com/oauth/callback",
        "QUEUE": f"https://sqs.eu-central-1.amazonaws.com/{account}/orders-queue",
        "TOPIC": f"arn:aws:sns:eu-central-1:{account}:orders",
        "ROLE": f"arn:aws:iam::{account}:role/service-role/orders-role-{some(dice, BASE36, 8)}",
        "MACHINE": f"arn:aws:states:us-east-1:{account}:stateMachine:{some(dice, BASE62, 12)}",
        "BUCKET": f"orders-{account}-eu-central-1",
        "ASSETS": f"cdk-hnb659fds-assets-{account}-eu-central-1",
        "ORDERS_TABLE": _made_name("prod-orders-OrdersTable", dice, UPPER + DIGITS),
        "ORDERS_FUNCTION": _made_name("ProdStack-OrdersHandler", dice, BASE62),
        "CLUSTER": _made_name("InfraStack-Cluster", dice, BASE62),
        "LAYER": f"arn:aws:lambda:us-east-1:{account}:layer:orders-deps:42",
        "IMAGE": f"{account}.dkr.ecr.us-east-1.amazonaws.com/orders:1.4.2",
        "IMAGE_BY_DIGEST": f"ghcr.io/example/orders@sha256:{some(dice, HEX, 64)}",
        "DIGEST": f"sha256:{some(dice, HEX, 64)}",
        "INTEGRITY": "sha384-" + some(dice, BASE64, 64),
        "GIT_SHA": some(dice, HEX, 40),
        "COMMIT": some(dice, HEX, 7),
        "REVISION": some(dice, HEX, 40),
        "BUILD_HASH": some(dice, HEX, 32),
        "CONTENT_MD5": some(dice, HEX, 32),
        "SOURCE_CODE_HASH": some(dice, BASE64, 43) + "=",
        "ETAG": some(dice, HEX, 32),
        "TENANT": uuid,
        "CORRELATION_ID": uuid.replace("-", ""),
        "REQUEST": uuid.upper(),
        "VPC": "vpc-" + some(dice, HEX, 17),
        "SUBNETS": f"subnet-{some(dice, HEX, 17)},subnet-{some(dice, HEX, 17)}",
        "AMI": "ami-" + some(dice, HEX, 17),
        "INSTANCE": "i-" + some(dice, HEX, 17),
        "SECURITY_GROUP": "sg-" + some(dice, HEX, 17),
        "HOSTED_ZONE": "Z" + some(dice, UPPER + DIGITS, 20),
        "DISTRIBUTION": "E" + some(dice, UPPER + DIGITS, 13),
        "USER_POOL": "eu-central-1_" + some(dice, BASE62, 9),
        "POOL_CLIENT": some(dice, BASE36, 26),
        "CLIENT_ID": some(dice, BASE62, 32),
        "REST_API": some(dice, BASE36, 10),
        "GA": "G-" + some(dice, UPPER + DIGITS, 10),
        "DB_HOST": f"orders.cluster-{some(dice, BASE36, 12)}.eu-central-1.rds.amazonaws.com",
        "CACHE": f"master.orders.{some(dice, BASE36, 6)}.euc1.cache.amazonaws.com:6379",
        "KAFKA": "b-1.orders.abc123.c2.kafka.us-east-1.amazonaws.com:9094,b-2.orders:9094",
        "CIDR": "10.0.0.0/16",
        "ADDRESSES": "10.0.0.1,10.0.0.2,fd00::1",
        "DNS": "2001:db8::8a2e:370:7334",
        "SENDER": "orders@example.com",
        "DB_USER": "orders_app",
        "HANDLER": "com.example.orders.Handler::handleRequest",
        "CLASS": "org.springframework.boot.loader.launch.JarLauncher",
        "MODULE": "orders.handlers.create:handler",
        "SETTINGS": json.dumps({"level": "info", "features": {"beta": True}, "limit": 10}),
        "FLAGS": "new-checkout=on,dark_mode=off,limit=10",
        "FEATURES": json.dumps(["new-checkout", "fast-search"]),
        "MESSAGE": "Orders are processed within 24 hours.",
        "GREETING": "Hello, world! Your order has shipped.",
        "QUERY": "SELECT id, total FROM orders WHERE created_at > now() - interval '1 day'",
        "REGEX": r"^[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}$",
        "FORMAT": "%(asctime)s %(levelname)s %(name)s %(message)s",
        "CSP": "default-src 'self'; img-src https: data:; script-src 'self'",
        "ORIGINS": "https://a.example.com,https://b.example.com",
        "CIPHERS": "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384",
        "HEADERS": "Content-Type,X-Amz-Date,Authorization,X-Api-Key",
        "ALGORITHM": "RS256",
        "COLOR": "#1a2b3c",
        "LIST": "alpha,beta,gamma",
        "EMPTY": "",
        "SPACE": " ",
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=orders,deployment.environment=prod",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317",
        "POWERTOOLS_SERVICE_NAME": "orders",
        "POWERTOOLS_METRICS_NAMESPACE": "Orders/Prod",
        "ENCODED_GREETING": encoded("Hello from the orders service, version two."),
        "ENCODED_SETTINGS": encoded(json.dumps({"level": "info", "limit": 10})),
        "SENTRY_DSN": f"https://{some(dice, HEX, 32)}@o{some(dice, DIGITS, 6)}.ingest.sentry.io/42",
        "TRACE_ID": f"Root=1-{some(dice, HEX, 8)}-{some(dice, HEX, 24)}",
        "CURSOR": encoded(json.dumps({"after": 1234, "sort": "created"})),
        "COORDINATES": "52.5200,13.4050",
        "PHONE": "+49 30 901820",
        "TEMPLATE": "d-" + some(dice, HEX, 32),
        "TWILIO_ACCOUNT_SID": "A" + "C" + some(dice, HEX, 32),
        "NEW_RELIC_ACCOUNT": some(dice, DIGITS, 7),
        "PIPELINE": "OrdersPipelineStage2DeployToProductionEuCentral1",
        "STACK_NAME": "orders-prod-eu-central-1-network-and-compute-stack",
        "DATE_FORMAT": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        "S3_PREFIX": "year=2026/month=11/day=24/hour=12",
        "JARS": "/opt/jars/orders-1.2.3.jar:/opt/jars/commons-lang3-3.17.0.jar",
        "PHASE": "PRE_BUILD",
    }  # fmt: skip
    for name, value in values.items():
        yield case(f"ordinary: {name}", LAMBDA + name, value)


def near_secrets() -> Iterator[Case]:
    """Names that tell of secrets with values that are none, and what only looks like one."""
    dice = Random("near secrets")
    account = some(dice, DIGITS, 12)
    uuid = str(UUID(int=dice.getrandbits(128), version=4))
    secret_arn = (
        f"arn:aws:secretsmanager:us-east-1:{account}:secret:prod/db-{some(dice, BASE62, 6)}"
    )
    values = (
        ("PASSWORD_MIN_LENGTH", "12"),
        ("PASSWORD_POLICY", "strict"),
        ("MIN_PASSWORD_SCORE", "3"),
        ("PASSWORD_EXPIRY_DAYS", "90"),
        ("PASSWORD_RESET_URL", "https://example.com/reset?source=mail"),
        ("PASSWORD_RESET_SUBJECT", "Reset your password"),
        ("PASSWORD_HASH_ALGORITHM", "argon2id"),
        ("PASSWORD_HASH", "$2b$12$" + some(dice, BASE62, 53)),
        ("ADMIN_PASSWORD", "$2b$12$" + some(dice, BASE62, 53)),
        ("ADMIN_PASSWORD_BCRYPT", "$2y$10$" + some(dice, BASE62, 53)),
        ("HTPASSWD", "$apr1$" + some(dice, BASE62, 8) + "$" + some(dice, BASE62, 22)),
        ("DB_PASSWORD", "{{resolve:secretsmanager:prod/db:SecretString:password}}"),
        ("DB_PASSWORD", "{{resolve:ssm-secure:/prod/db/password:1}}"),
        ("DB_PASSWORD", "${DB_PASSWORD}"),
        ("DB_PASSWORD", "${ssm:/prod/db/password}"),
        ("DB_PASSWORD", "$(aws ssm get-parameter --name /prod/db)"),
        ("DB_PASSWORD", "$DB_PASSWORD"),
        ("DB_PASSWORD", secret_arn),
        ("DB_PASSWORD", "/run/secrets/db_password"),
        ("DB_PASSWORD", "<your password here>"),
        ("DB_PASSWORD", "changeme"),
        ("DB_PASSWORD", "********"),
        ("DB_PASSWORD", "xxxxxxxx"),
        ("DB_PASSWORD", "REPLACE_ME"),
        ("DB_PASSWORD", "your-password-here"),
        ("DB_PASSWORD", "null"),
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD", "prod/orders/db"),
        ("DB_PASSWORD", "prod-orders-db-password"),
        ("DB_PASSWORD_ARN", secret_arn),
        ("DB_PASSWORD_FILE", "/run/secrets/db"),
        ("DB_PASSWORD_PARAMETER", "/prod/db/password"),
        ("DB_PASSWORD_SSM_PATH", "/prod/db/password"),
        ("DB_PASSWORD_SECRET_NAME", "prod/db"),
        ("PASSWORD_AUTHENTICATION", "disabled"),
        ("ENABLE_PASSWORD_LOGIN", "true"),
        ("REQUIRE_PASSWORD", "yes"),
        ("SECRET_NAME", "prod/db"),
        ("SECRET_ARN", secret_arn),
        ("SECRET_ID", "prod/orders/database"),
        ("SECRETS_MANAGER_ENDPOINT", "https://secretsmanager.us-east-1.amazonaws.com"),
        ("SECRETS_PATH", "/prod/orders/"),
        ("SECRET_ROTATION_DAYS", "30"),
        ("SECRETS_EXTENSION_HTTP_PORT", "2773"),
        ("DB_SECRET", "prod/orders/db"),
        ("DB_SECRET", _made_name("OrdersDbSecret", dice, BASE62)),
        ("DB_SECRET", secret_arn),
        ("CLIENT_SECRET", "{{resolve:secretsmanager:oauth:SecretString:secret}}"),
        ("CLIENT_SECRET", "vault:secret/data/oauth#client_secret"),
        ("CLIENT_SECRET", "op://prod/oauth/secret"),
        ("CLIENT_SECRET", "ENC[AES256_GCM,data:" + some(dice, BASE64, 24) + ",type:str]"),
        ("CLIENT_SECRET", "projects/42/secrets/oauth/versions/latest"),
        ("API_KEY", "AQ" + "ICAH" + some(dice, BASE64, 170) + "=="),
        ("API_KEY", "your-api-key"),
        ("API_KEY", "orders-service"),
        ("API_KEY_HEADER", "X-Api-Key"),
        ("API_KEY_ID", some(dice, BASE36, 10)),
        ("API_KEY_SOURCE", "HEADER"),
        ("API_KEY_REQUIRED", "true"),
        ("TOKEN_URL", "https://login.example.com/oauth2/token"),
        ("TOKEN_ENDPOINT", "https://login.example.com/oauth2/v1/token"),
        ("TOKEN_TTL", "3600"),
        ("TOKEN_TYPE", "Bearer"),
        ("TOKEN_ISSUER", "https://login.example.com/"),
        ("TOKEN_AUDIENCE", "api://orders"),
        ("ACCESS_TOKEN_VALIDITY", "60"),
        ("MAX_TOKENS", "4096"),
        ("TOKENIZER", "cl100k_base"),
        ("TOKEN_BUCKET_SIZE", "100"),
        ("NEXT_TOKEN", "null"),
        ("KMS_KEY", uuid),
        ("KMS_KEY", "alias/orders"),
        ("KMS_KEY_ARN", f"arn:aws:kms:us-east-1:{account}:key/{uuid}"),
        ("PARTITION_KEY", "customer_id"),
        ("SORT_KEY", "created_at"),
        ("CACHE_KEY", "orders:v2:" + some(dice, HEX, 32)),
        ("S3_KEY", f"releases/2026/{some(dice, HEX, 40)}/orders.zip"),
        ("OBJECT_KEY", some(dice, HEX, 64)),
        ("IDEMPOTENCY_KEY", uuid),
        ("SSH_KEY_NAME", "deploy-2026"),
        ("KEY_PAIR", "deploy-eu-central-1"),
        ("KEYCLOAK_REALM", "orders"),
        ("KEYSPACE", "orders_prod"),
        ("MONKEY", "capuchin"),
        ("RECAPTCHA_SITE_KEY", "6" + "L" + some(dice, URL_SAFE, 38)),
        ("STRIPE_PUBLISHABLE_KEY", "pk" + "_live_" + some(dice, BASE62, 24)),
        ("STRIPE_KEY", "pk" + "_test_" + some(dice, BASE62, 24)),
        ("AUTH_MODE", "oauth2"),
        ("AUTH_PROVIDER", "cognito"),
        ("AUTHOR", "Orders Team"),
        ("CREDENTIALS_PROVIDER", "com.amazonaws.auth.DefaultAWSCredentialsProviderChain"),
        ("CREDENTIALS_FILE", "/var/run/credentials.json"),
        ("AWS_ACCESS_KEY_ID", "AK" + "IAIOSFODNN7" + "EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/" + "K7MDENG/bPxRfiCY" + "EXAMPLEKEY"),
        ("AWS_SECRET_ACCESS_KEY", "${AWS_SECRET_ACCESS_KEY}"),
        ("DATABASE_URL", "postgres://db.internal:5432/orders"),
        ("DATABASE_URL", "postgres://orders@db.internal/orders"),
        ("DATABASE_URL", "postgres://${DB_USER}:${DB_PASSWORD}@db.internal/orders"),
        ("DATABASE_URL", "postgres://orders:{{password}}@db.internal/orders"),
        ("DATABASE_URL", "jdbc:postgresql://db.internal:5432/orders?sslmode=require"),
        ("DATABASE_URL", "jdbc:mysql:aws://db.internal:3306/orders?user=app&password=${PW}"),
        ("DATABASE_URL", "Server=db;Database=orders;Integrated Security=true;"),
        ("REDIS_URL", "redis://cache.internal:6379/0"),
        ("PROXY", "http://proxy.internal:3128"),
        ("REPOSITORY", "git@github.com:example/orders.git"),
        ("REPOSITORY", "https://token@github.com/example/orders.git"),
        ("WEBHOOK_URL", "https://hooks.example.com/orders"),
        ("SLACK_CHANNEL", "C" + some(dice, UPPER + DIGITS, 10)),
        ("JWKS_URI", "https://login.example.com/.well-known/jwks.json"),
        ("JWT_ALGORITHM", "HS256"),
        ("GITHUB_APP_ID", some(dice, DIGITS, 6)),
        ("GITHUB_REPOSITORY", "example/orders"),
        ("PASSTHROUGH", "enabled"),
        ("BYPASS", "none"),
        ("COMPASS_HEADING", "north"),
        ("SECRETARY", "Miss Moneypenny"),
        ("SALT_LAKE_CITY", "enabled"),
    )  # fmt: skip
    for number, (name, value) in enumerate(values):
        yield case(f"near: {name} {number}", LAMBDA + name, value)


def public() -> Iterator[Case]:
    """Keys and certificates that everybody may see."""
    dice = Random("public keys")
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = elliptic_key(dice).public_key().public_bytes(serialization.Encoding.PEM, spki).decode()
    ssh = (
        edwards_key(dice)
        .public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .decode()
    )
    inside = b"\x30\x82\x02\x00" + dice.randbytes(700)
    der = base64.b64encode(b"\x30\x82" + len(inside).to_bytes(2, "big") + inside).decode()
    certificate = armoured("CERTIFICATE", der)
    for name, place, text in (
        ("PEM", f"{LAMBDA}JWT_PUBLIC_KEY", pem),
        ("PEM, elsewhere", f"{LAMBDA}VERIFIER", pem),
        ("PEM, escaped", f"{LAMBDA}VERIFIER", pem.replace("\n", "\\n")),
        ("PEM, encoded", f"{LAMBDA}VERIFIER", encoded(pem)),
        ("SPKI", f"{LAMBDA}VERIFIER", "".join(pem.splitlines()[1:-1])),
        ("SSH", f"{LAMBDA}DEPLOY_KEY", ssh),
        ("SSH, with a comment", f"{TASK}AUTHORIZED_KEYS", ssh + " deploy@example.com"),
        ("certificate", f"{LAMBDA}CA", certificate),
        ("certificate, encoded", f"{LAMBDA}CA_DATA", encoded(certificate)),
        ("certificate, bare", f"{LAMBDA}IDP", der),
        ("chain", f"{LAMBDA}CHAIN", certificate + "\n" + certificate),
        ("request", f"{LAMBDA}CSR", armoured("CERTIFICATE REQUEST", der)),
        ("PGP", f"{LAMBDA}PACKAGER", armoured("PGP PUBLIC KEY BLOCK", some(dice, BASE64, 900))),
        ("age", f"{LAMBDA}RECIPIENT", "age1" + some(dice, BASE36, 58)),
        ("VAPID", f"{LAMBDA}VAPID_PUBLIC_KEY", "B" + some(dice, URL_SAFE, 86)),
    ):
        yield case(f"public: {name}", place, text)


def ordinary_texts() -> Iterator[Case]:
    dice = Random("ordinary texts")
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    public = elliptic_key(dice).public_key().public_bytes(serialization.Encoding.PEM, spki)
    authority = encoded(armoured("CERTIFICATE", some(dice, BASE64, 900)))
    texts = {
        "yum": "#!/bin/bash\nyum update -y\nyum install -y httpd\nsystemctl enable --now httpd\n",
        "cloud-init": text_of(
            "#cloud-config",
            "packages:",
            "  - nginx",
            "ssh_pwauth: false",
            "users:",
            "  - name: ops",
            "    lock_passwd: true",
            "    groups: sudo",
        ),
        "EKS": text_of(
            "#!/bin/bash",
            f"/etc/eks/bootstrap.sh orders --b64-cluster-ca {authority} \\",
            f"  --apiserver-endpoint https://{some(dice, HEX, 32).upper()}.gr7.eks.amazonaws.com",
        ),
        "ECS": text_of(
            "#!/bin/bash",
            "echo ECS_CLUSTER=orders >> /etc/ecs/ecs.config",
            "echo ECS_ENABLE_TASK_IAM_ROLE=true >> /etc/ecs/ecs.config",
        ),
        "parameter": text_of(
            "#!/bin/bash",
            "DB_PASSWORD=$(aws ssm get-parameter --name /prod/db --with-decryption \\",
            "  --query Parameter.Value --output text)",
            "export DB_PASSWORD",
        ),
        "secret": text_of(
            "#!/bin/bash",
            'export DB_PASSWORD="$(aws secretsmanager get-secret-value --secret-id prod/db \\',
            "  --query SecretString --output text | jq -r .password)\"",
        ),
        "IMDS": text_of(
            "#!/bin/bash",
            "TOKEN=$(curl -sX PUT http://169.254.169.254/latest/api/token \\",
            "  -H 'X-aws-ec2-metadata-token-ttl-seconds: 21600')",
            'curl -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/',
        ),
        "public key": f"#!/bin/bash\ncat > /etc/verify.pem <<EOF\n{public.decode()}EOF\n",
        "grep": text_of(
            "#!/bin/bash",
            "if grep -q 'BEGIN RSA " + "PRIVATE KEY' /etc/key.pem; then echo there is one; fi",
        ),
        "checksum": text_of(
            "#!/bin/bash",
            "curl -LO https://example.com/x.tgz",
            f"echo '{some(dice, HEX, 64)}  x.tgz' | sha256sum -c",
        ),
        "template": text_of(
            "Parameters:",
            "  DbPassword:",
            "    Type: String",
            "    NoEcho: true",
            "    MinLength: 12",
            "    Description: The password of the master user.",
            "Resources:",
            "  Db:",
            "    Type: AWS::RDS::DBInstance",
            "    Properties:",
            "      MasterUsername: app",
            "      MasterUserPassword: !Ref DbPassword",
        ),
        "resolved template": text_of(
            "Resources:",
            "  Db:",
            "    Properties:",
            "      MasterUserPassword: '{{resolve:secretsmanager:prod/db:SecretString:password}}'",
        ),
        "generated template": text_of(
            "Resources:",
            "  Secret:",
            "    Type: AWS::SecretsManager::Secret",
            "    Properties:",
            "      GenerateSecretString:",
            "        SecretStringTemplate: '{\"username\": \"app\"}'",
            "        GenerateStringKey: password",
            "        PasswordLength: 32",
            "        ExcludeCharacters: '\"@/'",
        ),
        "pool template": text_of(
            "Resources:",
            "  Pool:",
            "    Properties:",
            "      Policies:",
            "        PasswordPolicy:",
            "          MinimumLength: 12",
            "          RequireSymbols: true",
            "          TemporaryPasswordValidityDays: 7",
            "      AccessTokenValidity: 60",
            "      TokenValidityUnits:",
            "        AccessToken: minutes",
        ),
        "task definition": text_of(
            "- Name: DB_HOST",
            "  Value: db.internal",
            "- Name: DB_PASSWORD",
            "  ValueFrom: arn:aws:secretsmanager:us-east-1:111122223333:secret:db",
        ),
        "prose": text_of(
            "Password: must have at least twelve characters.",
            "Token: see the wiki.",
            "The secret: none.",
        ),
        "Python": text_of(
            "import os",
            "password = os.environ['DB_PASSWORD']",
            "token = get_token(session)",
            "secret = settings.client_secret",
        ),
        "JavaScript": text_of(
            "const token = req.headers.token;",
            "const password = process.env.DB_PASSWORD;",
            "let key = keys[0];",
        ),
        "schema": text_of(
            "{",
            '  "type": "object",',
            '  "properties": {',
            '    "password": {"type": "string"},',
            '    "token": "string"',
            "  }",
            "}",
        ),
        "policy": text_of(
            "{",
            '  "Action": ["iam:GetAccountPasswordPolicy", "secretsmanager:GetSecretValue"],',
            '  "Resource": "*"',
            "}",
        ),
        "buildspec": text_of(
            "version: 0.2",
            "env:",
            "  parameter-store:",
            "    DB_PASSWORD: /prod/db/password",
            "  secrets-manager:",
            "    TOKEN: prod/ci:token",
            "phases:",
            "  build:",
            "    commands: [make]",
        ),
        "logging": text_of(
            "[loggers]",
            "keys=root",
            "[handlers]",
            "keys=console",
            "[logger_root]",
            "level=INFO",
            "handlers=console",
        ),
        "nginx": text_of(
            "server {",
            "  listen 443 ssl;",
            "  ssl_certificate /etc/ssl/orders.pem;",
            "  ssl_certificate_key /etc/ssl/orders.key;",
            "  auth_basic_user_file /etc/nginx/.htpasswd;",
            "}",
        ),
        "sshd": text_of(
            "PasswordAuthentication no",
            "PubkeyAuthentication yes",
            "PermitRootLogin no",
            "AuthorizedKeysFile .ssh/authorized_keys",
        ),
        "PowerShell": text_of(
            "<powershell>",
            "$secret = Get-SECSecretValue -SecretId prod/admin",
            "$password = ConvertTo-SecureString $secret.SecretString -AsPlainText -Force",
            "</powershell>",
        ),
        "compose": text_of(
            "services:",
            "  app:",
            "    environment:",
            "      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD}",
            "      POSTGRES_PASSWORD_FILE: /run/secrets/pg",
            "    secrets: [pg]",
        ),
        "kubernetes": text_of(
            "env:",
            "- name: DB_PASSWORD",
            "  valueFrom:",
            "    secretKeyRef:",
            "      name: db",
            "      key: password",
        ),
        "npmrc": text_of(
            "registry=https://registry.npmjs.org/",
            "//registry.npmjs.org/:_auth" + "Token=${NPM_TOKEN}",
        ),
        "MIME": text_of(
            'Content-Type: multipart/mixed; boundary="==BOUNDARY=="',
            "MIME-Version: 1.0",
            "",
            "--==BOUNDARY==",
            "Content-Type: text/x-shellscript",
            "",
            "#!/bin/bash",
            "echo hello",
            "--==BOUNDARY==--",
        ),
        "KMS": text_of(
            "Resources:",
            "  Key:",
            "    Type: AWS::KMS::Key",
            "    Properties:",
            "      EnableKeyRotation: true",
            "      KeyPolicy:",
            "        Version: '2012-10-17'",
            "      KeySpec: SYMMETRIC_DEFAULT",
        ),
    }  # fmt: skip
    for name, text in texts.items():
        yield case(f"ordinary text: {name}", "UserData", text)
    packed = base64.b64encode(gzip.compress(texts["yum"].encode(), mtime=0)).decode()
    yield case("ordinary text: packed", "UserData", packed)
    yield case("ordinary text: encoded", "UserData", encoded(texts["parameter"]))


def cases_without_secrets() -> Iterator[Case]:
    for some_cases in (ordinary, near_secrets, public, ordinary_texts):
        yield from some_cases()
