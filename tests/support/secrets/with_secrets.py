"""Configuration values with secrets in them. All are made up, and put together when asked for."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from random import Random
from uuid import UUID

from cryptography.hazmat.primitives import serialization

from tests.support.secrets.cases import BUILD, LAMBDA, STACK, STORE, TASK, Case, case, text_of
from tests.support.secrets.made_up import (
    BASE62,
    BASE64,
    DIGITS,
    HEX,
    MARKED,
    UPPER,
    URL_SAFE,
    armoured,
    edwards_key,
    elliptic_key,
    encoded,
    key_id,
    password,
    rsa_body,
    secret_access_key,
    some,
    written,
)

# ----------------------------------------------------------------------- tokens of known issuers


def marked() -> Iterator[Case]:
    """Each in a variable that says nothing, on a line of user data, and within JSON."""
    for number, form in enumerate(MARKED):
        name = f"{form.kind} {number}"
        dice = Random(name)
        yield case(f"{name}: variable", f"{LAMBDA}INTEGRATION", form.made(dice)[1], form.kind)
        script = f"#!/bin/bash\nset -eu\n/opt/app/configure '{form.made(dice)[1]}'\nexit 0\n"
        yield case(f"{name}: user data", "UserData", script, f"{form.kind}@3")
        settings = json.dumps({"level": "info", "extra": [form.made(dice)[1]]})
        yield case(f"{name}: JSON", f"{TASK}SETTINGS", settings, form.kind)


# --------------------------------------------------------------------------------- private keys


def private_keys() -> Iterator[Case]:
    kind, dice = "private key", Random("private keys")
    formats = serialization.PrivateFormat
    locked = serialization.BestAvailableEncryption(b"a passphrase")
    files = {
        "RSA": armoured("RSA " + "PRIVATE KEY", rsa_body(dice)),
        "PKCS 8": armoured("PRIVATE " + "KEY", rsa_body(dice)),
        "DSA": armoured("DSA " + "PRIVATE KEY", some(dice, BASE64, 600)),
        "elliptic": written(elliptic_key(dice), formats.TraditionalOpenSSL),
        "elliptic, PKCS 8": written(elliptic_key(dice)),
        "Edwards": written(edwards_key(dice)),
        "OpenSSH": written(edwards_key(dice), formats.OpenSSH),
        "OpenSSH, elliptic": written(elliptic_key(dice), formats.OpenSSH),
        "encrypted": written(elliptic_key(dice), encryption=locked),
        "PGP": armoured("PGP " + "PRIVATE KEY BLOCK", some(dice, BASE64, 900)),
        "PuTTY": "\n".join(
            (
                "PuTTY-User-" + "Key-File-3: ssh-ed25519",
                "Encryption: none",
                "Comment: deploy",
                "Public-Lines: 1",
                some(dice, BASE64, 64),
                "Private-Lines: 1",
                some(dice, BASE64, 48),
                "Private-MAC: " + some(dice, HEX, 64),
            )
        ),
    }
    for name, file in files.items():
        line = file.count("\n") and 1
        yield case(f"private key: {name}", f"{LAMBDA}SIGNER", file, f"{kind}@{line}")
    one, other = written(elliptic_key(dice)), written(edwards_key(dice))
    yield case("private key: escaped", f"{LAMBDA}SIGNER", one.replace("\n", "\\n"), kind)
    yield case("private key: one line", f"{LAMBDA}SIGNER", one.replace("\n", " "), kind)
    yield case("private key: base64", f"{TASK}SIGNER_B64", encoded(one), f"{kind}@1")
    yield case("private key: DER, RSA", f"{LAMBDA}SIGNER", rsa_body(dice), kind)
    der = "".join(written(edwards_key(dice)).splitlines()[1:-1])
    yield case("private key: DER, Edwards", f"{LAMBDA}SIGNER", der, kind)
    der = "".join(written(elliptic_key(dice), formats.TraditionalOpenSSL).splitlines()[1:-1])
    yield case("private key: DER, SEC 1", f"{LAMBDA}SIGNER", der, kind)
    service = json.dumps({"type": "service_account", "private_key": other, "client_id": "1"})
    yield case("private key: service account", f"{LAMBDA}GOOGLE", service, kind)
    script = f"#!/bin/sh\ncat > /etc/key.pem <<EOF\n{one}EOF\nchmod 600 /etc/key.pem\n"
    yield case("private key: user data", "UserData", script, f"{kind}@3")
    packed = base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode()
    yield case("private key: packed user data", "UserData", packed, f"{kind}@3")
    age = "AGE-SECRET-" + "KEY-1" + some(dice, UPPER + DIGITS, 58)
    yield case("private key: age", f"{LAMBDA}SOPS_AGE", age, kind)
    both = f"{armoured('CERTIFICATE', some(dice, BASE64, 800))}\n{other}"
    line = both.splitlines().index("-----BEGIN " + "PRIVATE KEY-----") + 1
    yield case("private key: behind its certificate", f"{LAMBDA}TLS", both, f"{kind}@{line}")
    joined = json.dumps({"Fn::Join": ["\n", other.splitlines()]})
    yield case("private key: joined", "Resources.Key.Properties.Value", joined, kind)


# ------------------------------------------------------------------------------------ AWS keys


def _pair(name: str, first: tuple[str, str], second: tuple[str, str]) -> Case:
    expected = {("AWS access key id", first[0]), ("AWS secret access key", second[0])}
    return Case(name, (first, (f"{LAMBDA}LOG_LEVEL", "info"), second), frozenset(expected))


def aws_keys() -> Iterator[Case]:
    id_kind, kind, dice = "AWS access key id", "AWS secret access key", Random("AWS keys")
    for name, (first, second) in {
        "usual": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        "prefixed": ("BACKUP_AWS_ACCESS_KEY_ID", "BACKUP_AWS_SECRET_ACCESS_KEY"),
        "camel": ("awsAccessKeyId", "awsSecretAccessKey"),
        "S3": ("S3_KEY", "S3_SECRET"),
        "mail": ("SMTP_USER", "SMTP_CREDENTIAL"),
        "odd": ("UPLOAD_A", "UPLOAD_B"),
        "numbered": ("KEY_1", "KEY_2"),
    }.items():
        for prefix, life in (("AK", "long-lived"), ("AS", "temporary")):
            yield _pair(
                f"AWS pair: {name}, {life}",
                (LAMBDA + first, key_id(dice, prefix)),
                (LAMBDA + second, secret_access_key(dice)),
            )
    for name, place in {
        "secret access key": f"{LAMBDA}AWS_SECRET_ACCESS_KEY",
        "secret key": f"{TASK}AWS_SECRET_KEY",
        "secret": f"{BUILD}AWS_SECRET",
        "camel": f"{STACK}AwsSecretAccessKey",
        "S3": f"{LAMBDA}S3_SECRET_ACCESS_KEY",
        "parameter": f"{STORE}aws/secret-access-key",
        "access key": f"{LAMBDA}IAM_ACCESS_SECRET",
    }.items():
        yield case(f"AWS secret alone: {name}", place, secret_access_key(dice), kind)
    yield case("AWS id alone", f"{LAMBDA}ACCESS_KEY_ID", key_id(dice), id_kind)
    yield case("AWS id alone, in JSON", f"{LAMBDA}SIGNER", f'{{"id":"{key_id(dice)}"}}', id_kind)
    first, second = key_id(dice), secret_access_key(dice)
    texts = {
        "export": text_of(
            "#!/bin/sh",
            f"export AWS_ACCESS_KEY_ID={first}",
            f"export AWS_SECRET_ACCESS_KEY={second}",
        ),
        "credentials file": text_of(
            "[default]",
            f"aws_access_key_id = {first}",
            f"aws_secret_access_key = {second}",
        ),
        "YAML": f"aws:\n  key: {first}\n  secret: {second}\n",
        "configure": text_of(
            "#!/bin/sh",
            f"aws configure set x.id {first}",
            f"aws configure set x.key {second}",
        ),
        "template": text_of(
            "Environment:",
            f"  AWS_ACCESS_KEY_ID: '{first}'",
            f"  AWS_SECRET_ACCESS_KEY: '{second}'",
        ),
        "Python": text_of(
            "import boto3",
            f"s3 = boto3.client('s3', aws_access_key_id='{first}',",
            f"  aws_secret_access_key='{second}')",
        ),
        "cloud-init": text_of(
            "#cloud-config",
            "write_files:",
            "- content: |",
            f"    id={first}",
            f"    key={second}",
            "  path: /x",
        ),
    }
    for name, text in texts.items():
        at = [text[: text.index(one)].count("\n") + 1 for one in (first, second)]
        wanted = (f"{id_kind}@{at[0]}", f"{kind}@{at[1]}")
        yield case(f"AWS pair: {name}", "UserData", text, *wanted)
        if name != "YAML":
            yield case(f"AWS pair: {name}, encoded", "UserData", encoded(text), *wanted)
    together = json.dumps({"accessKeyId": first, "secretAccessKey": second})
    yield case("AWS pair: JSON", f"{LAMBDA}DEPLOYER", together, id_kind, kind)
    yield case("AWS pair: joined", f"{LAMBDA}DEPLOYER", f"{first}:{second}", id_kind, kind)


# ------------------------------------------------------------------------- by the names they have


def passwords() -> Iterator[Case]:
    dice = Random("passwords")
    places = (
        f"{LAMBDA}DB_PASSWORD",
        f"{LAMBDA}DATABASE_PASSWORD",
        f"{TASK}POSTGRES_PASSWORD",
        f"{TASK}MYSQL_ROOT_PASSWORD",
        f"{TASK}spring.datasource.password",
        f"{BUILD}DOCKER_HUB_PASSWORD",
        f"{BUILD}SONAR_PASS",
        f"{STACK}MasterUserPassword",
        f"{STACK}DbPassword",
        f"{STACK}DBPassword",
        f"{STORE}db/password",
        f"{STORE}ldap_bind_passwd",
        f"{LAMBDA}SMTP_PWD",
        f"{LAMBDA}KEYSTORE_PASSPHRASE",
        f"{LAMBDA}REDIS_PASSWORD_2",
        f"{LAMBDA}adminPassword",
        "Outputs.AdminPassword",
    )
    for place in places:
        yield case(f"password: {place}", place, password(dice), "password")
    for number, weak in enumerate(
        ("hunter2", "letmein", "Summer2024!", "qwerty123", "postgres", "12345678", "P@ssw0rd",
         "correct horse battery staple", "admin", "Welcome1", "tr0ub4dor&3")
    ):  # fmt: skip
        yield case(f"password: weak {number}", f"{LAMBDA}DB_PASSWORD", weak, "password")


def tokens() -> Iterator[Case]:
    kind, dice = "secret or token", Random("tokens")
    for place, token in {
        f"{LAMBDA}API_KEY": some(dice, BASE62, 32),
        f"{LAMBDA}DATADOG_API_KEY": some(dice, HEX, 32),
        f"{LAMBDA}CLIENT_SECRET": some(dice, URL_SAFE, 34),
        f"{LAMBDA}OAUTH_CLIENT_SECRET": str(UUID(int=dice.getrandbits(128), version=4)),
        f"{LAMBDA}JWT_SECRET": some(dice, HEX, 64),
        f"{LAMBDA}TWILIO_AUTH_TOKEN": some(dice, HEX, 32),
        f"{LAMBDA}SESSION_SECRET": f"keyboard-cat-7{some(dice, DIGITS, 3)}",
        f"{LAMBDA}githubToken": some(dice, HEX, 40),
        f"{LAMBDA}SENTRY_AUTH_TOKEN": some(dice, HEX, 64),
        f"{TASK}NEW_RELIC_LICENSE_KEY": some(dice, HEX, 36) + "NRAL",
        f"{TASK}PAGERDUTY_TOKEN": some(dice, URL_SAFE, 20),
        f"{TASK}STRIPE_SECRET": some(dice, BASE62, 30),
        f"{BUILD}SONAR_TOKEN": some(dice, HEX, 40),
        f"{BUILD}CODECOV_TOKEN": str(UUID(int=dice.getrandbits(128), version=4)),
        f"{STACK}ApiKey": some(dice, BASE62, 40),
        f"{STACK}WebhookSecret": some(dice, BASE62, 20),
        f"{STORE}payment/api-key": some(dice, BASE62, 24),
        f"{STORE}oauth/client_secret": some(dice, URL_SAFE, 40),
        f"{LAMBDA}ENCRYPTION_KEY": some(dice, BASE64, 43) + "=",
        f"{LAMBDA}DB_ENCRYPTION_KEY": some(dice, HEX, 64),
        f"{LAMBDA}PRIVATE_KEY": some(dice, HEX, 64),
        f"{LAMBDA}AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2Vj" + some(dice, BASE64, 300),
        f"{LAMBDA}HONEYCOMB_ACCESS_KEY": some(dice, BASE62, 22),
        f"{LAMBDA}credentials": some(dice, BASE62, 28),
    }.items():
        yield case(f"token: {place}", place, token, kind)


def random_strings() -> Iterator[Case]:
    dice = Random("random strings")
    for place, value, kind in (
        (f"{LAMBDA}APP_KEY", some(dice, HEX, 64), "high-entropy hex"),
        (f"{LAMBDA}COOKIE_SALT", some(dice, HEX, 32), "high-entropy hex"),
        (f"{LAMBDA}PASETO_KEY", some(dice, HEX, 64), "high-entropy hex"),
        (f"{TASK}HASH_SALT", some(dice, HEX, 40), "high-entropy hex"),
        (f"{TASK}RAILS_KEY", some(dice, HEX, 32), "high-entropy hex"),
        (f"{LAMBDA}FERNET", some(dice, URL_SAFE, 43) + "=", "high-entropy base64"),
        (f"{LAMBDA}SIGNER", some(dice, BASE64, 64), "high-entropy base64"),
        (f"{LAMBDA}MAILER", some(dice, BASE62, 48), "high-entropy base64"),
        (f"{TASK}PARTNER_A", some(dice, BASE64, 86) + "==", "high-entropy base64"),
        (f"{STORE}vendor/login", some(dice, BASE62, 40), "high-entropy base64"),
        (f"{STACK}Upstream", some(dice, URL_SAFE, 52), "high-entropy base64"),
        (f"{LAMBDA}APP_KEY", some(dice, BASE64, 43) + "=", "high-entropy base64"),
    ):
        yield case(f"random: {place} {len(value)} {kind}", place, value, kind)


# ------------------------------------------------------------- in addresses, fields and commands


def connections() -> Iterator[Case]:
    kind, dice = "connection string", Random("connections")
    for number, text in enumerate(
        (
            "postgres://orders:{}@db.internal:5432/orders",
            "postgresql+psycopg://orders:{}@10.0.3.7/orders?sslmode=require",
            "mysql://root:{}@orders.cluster-abc.eu-west-1.rds.amazonaws.com/orders",
            "mongodb+srv://app:{}@cluster0.abcde.mongodb.net/test?retryWrites=true",
            "mongodb://app:{}@a.example.com:27017,b.example.com:27017/?replicaSet=rs0",
            "redis://:{}@cache.internal:6379/0",
            "rediss://default:{}@cache.example.com:6380",
            "amqp://app:{}@mq.internal:5672/%2F",
            "amqps://app:{}@b-1234.mq.us-east-1.amazonaws.com:5671",
            "jdbc:postgresql://db.internal/orders?user=app&password={}",
            "jdbc:sqlserver://db:1433;databaseName=orders;user=app;password={};encrypt=true",
            "jdbc:mysql://app:{}@db.internal:3306/orders",
            "Server=tcp:db.database.windows.net,1433;User ID=app;Password={};Encrypt=True",
            "Data Source=db;Initial Catalog=orders;User Id=sa;Pwd={}",
            "host=db.internal port=5432 dbname=orders user=app password={} sslmode=require",
            "Driver={{ODBC Driver 18}};Server=db;UID=app;PWD={};",
            "Endpoint=sb://bus.example.net/;SharedAccessKeyName=all;SharedAccessKey={}",
            "snowflake://app:{}@account/orders",
            "clickhouse://default:{}@ch.internal:9440/logs",
            "ldap://cn=admin:{}@ldap.internal",
        )
    ):
        name = f"connection: {number}"
        secret = some(dice, BASE62, 16)
        yield case(name, f"{LAMBDA}DATABASE_URL", text.format(secret), kind)
    for number, text in enumerate(
        (
            "https://deploy:{}@git.example.com/orders.git",
            "https://elastic:{}@search.example.com:9243",
            "http://admin:{}@10.0.0.7:8080/health",
            "ftp://files:{}@files.example.com/in",
            "https://oauth2:{}@gitlab.example.com/group/project.git",
        )
    ):
        secret = some(dice, BASE62, 20)
        text = text.format(secret)
        yield case(f"address: {number}", f"{LAMBDA}UPSTREAM", text, "basic auth credentials")


def commands() -> Iterator[Case]:
    kind, dice = "password on a command line", Random("commands")
    for number, text in enumerate(
        (
            "curl -u admin:{} https://repo.example.com/x.tgz -o /tmp/x.tgz",
            "curl -sSf --user 'ci:{}' https://repo.example.com/x",
            "curl -H 'Authorization: Bearer {}' https://api.example.com/v1/hosts",
            "wget --header='Authorization: Basic {}' https://api.example.com/x",
            "sshpass -p '{}' ssh admin@10.0.0.3 uptime",
            "mysql -u root -p{} -e 'create database orders'",
            "echo 'ubuntu:{}' | chpasswd",
            'echo "ec2-user:{}" | sudo chpasswd',
            "docker login -u ci -p {} registry.example.com",
            "net user Administrator {}",
            "$p = ConvertTo-SecureString '{}' -AsPlainText -Force",
        )
    ):
        script = f"#!/bin/bash\nset -e\n{text.format(some(dice, BASE62, 14))}\n"
        yield case(f"command: {number}", "UserData", script, f"{kind}@3")


def texts() -> Iterator[Case]:
    """What a text assigns: in each language that configurations are written in."""
    dice = Random("texts")
    texts = (
        ("shell", "#!/bin/bash\nexport DB_PASSWORD={}\n./run\n", "password@2"),
        ("shell, quoted", '#!/bin/bash\nDB_PASSWORD="{}"\n', "password@2"),
        ("dotenv", "LEVEL=info\nADMIN_PASSWORD='{}'\n", "password@2"),
        ("option", "#!/bin/bash\n./run --password {} --port 80\n", "password@2"),
        ("option, joined", "#!/bin/bash\n./run --db-password={} --port 80\n", "password@2"),
        ("token option", "#!/bin/sh\nagent --api-token {}\n", "secret or token@2"),
        ("YAML", "db:\n  user: app\n  password: {}\n  port: 5432\n", "password@3"),
        ("YAML, quoted", 'db:\n  password: "{}" # old\n', "password@2"),
        ("JSON", '{{\n  "user": "app",\n  "password": "{}"\n}}\n', "password@3"),
        ("properties", "a=1\nspring.datasource.password={}\n", "password@2"),
        ("ini", "[client]\nuser = app\npassword = {}\n", "password@3"),
        ("HCL", 'user = "app"\nmaster_password = "{}"\n', "password@2"),
        ("XML", "<server>\n<id>repo</id><password>{}</password>\n</server>\n", "password@2"),
        (
            "default of a parameter",
            "Parameters:\n  DbPassword:\n    Type: String\n    Default: {}\nResources: x\n",
            "password@4",
        ),
        (
            "name and value",
            "Environment:\n  - Name: DB_PASSWORD\n    Value: {}\n",
            "password@3",
        ),
        (
            "name and value, JSON",
            '{{"environment": [\n{{"name": "API_TOKEN", "value": "{}"}}]}}\n',
            "secret or token@2",
        ),
        (
            "template",
            "Resources:\n  Db:\n    Properties:\n      MasterUserPassword: {}\n",
            "password@4",
        ),
        ("PowerShell", "<powershell>\n$password = '{}'\n</powershell>\n", "password@2"),
        ("Python", "import os\npassword = '{}'\n", "password@2"),
        ("Dockerfile", "FROM alpine\nENV API_KEY={}\n", "secret or token@2"),
        ("heredoc", "cat <<EOF > /etc/x\nsecret_key_base: {}\nEOF\n", "secret or token@2"),
        (
            "kubernetes",
            "kubectl create secret generic db \\\n --from-literal=password={}\n",
            "password@2",
        ),
    )
    for name, text, expected in texts:
        yield case(f"text: {name}", "UserData", text.format(some(dice, BASE62, 18)), expected)
    for name, text in {
        "JSON": '{{"host":"db","username":"app","password":"{}"}}',
        "escaped JSON": '{{\\"host\\":\\"db\\",\\"password\\":\\"{}\\"}}',
        "arguments": "--host db --password {}",
        "Java": "-Xmx512m -Ddb.password={} -Dfile.encoding=UTF-8",
        "Kafka": 'ScramLoginModule required username="app" password="{}";',
    }.items():
        text = text.format(some(dice, BASE62, 18))
        yield case(f"value: {name}", f"{LAMBDA}SETTINGS", text, "password")
    text = f"password: {encoded(password(dice))}\n"
    yield case("text: encoded value", "UserData", "kind: Secret\ndata:\n  " + text, "password@3")
    packed = gzip.compress(f"#!/bin/sh\nDB_PASSWORD={some(dice, BASE62, 18)}\n".encode(), mtime=0)
    packed_text = base64.b64encode(packed).decode()
    yield case("text: packed", "UserData", packed_text, "password@2")


def cases_with_secrets() -> Iterator[Case]:
    for some_cases in (
        marked,
        private_keys,
        aws_keys,
        passwords,
        tokens,
        random_strings,
        connections,
        commands,
        texts,
    ):
        yield from some_cases()
