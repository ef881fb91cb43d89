"""Texts that hold a secret in some wrapping: files, encodings, addresses, languages."""

# ruff: noqa: E501 - a text stands here as it is written

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from random import Random

from tests.support.secrets.made_up import (
    BASE62,
    BASE64,
    DIGITS,
    HEX,
    UPPER,
    URL_SAFE,
    elliptic_key,
    encoded,
    some,
    written,
)


def _password(dice: Random) -> str:
    return some(dice, BASE62, 16)


def identifier(dice: Random) -> str:
    """A UUID as it is usually written."""
    return "-".join(some(dice, HEX, length) for length in (8, 4, 4, 4, 12))


def wrapped(dice: Random) -> Iterator[tuple[str, str]]:
    """A name and a text for each, with another made-up secret at every call."""
    pem = written(elliptic_key(dice))
    yield "netrc", f"machine api.x.io\n  login bob\n  password {_password(dice)}\n"
    yield "netrc1", f"machine api.x.io login bob password {_password(dice)}\n"
    yield "pgpass", f"db.internal:5432:orders:app:{_password(dice)}\n"
    yield "pgpass*", f"*:*:*:app:{_password(dice)}\n"
    yield "go mysql", f"app:{_password(dice)}@tcp(db.internal:3306)/orders?parseTime=true"
    yield "go mysql unix", f"app:{_password(dice)}@unix(/tmp/mysql.sock)/orders"
    yield "oracle thin", f"jdbc:oracle:thin:app/{_password(dice)}@db.internal:1521:ORCL"
    yield "oracle thin2", f"jdbc:oracle:thin:app/{_password(dice)}@//db.internal:1521/ORCL"
    yield "oracle easy", f"sqlplus app/{_password(dice)}@db.internal/ORCL"
    yield (
        "docker auths",
        json.dumps(
            {"auths": {"https://index.docker.io/v1/": {"auth": encoded("bob:" + _password(dice))}}}
        ),
    )
    yield (
        "docker auths b64",
        encoded(
            json.dumps(
                {
                    "auths": {
                        "https://index.docker.io/v1/": {"auth": encoded("bob:" + _password(dice))}
                    }
                }
            )
        ),
    )
    yield (
        "docker auths plain",
        json.dumps({"auths": {"r": {"username": "bob", "password": _password(dice)}}}),
    )
    yield (
        "docker identity",
        json.dumps({"auths": {"r": {"identitytoken": _password(dice) + _password(dice)}}}),
    )
    yield (
        "npmrc _auth",
        f"//npm.x.io/:_auth={encoded('bob:' + _password(dice))}\nalways-auth=true\n",
    )
    yield "npmrc _password", f"//npm.x.io/:_password={encoded(_password(dice))}\nalways-auth=true\n"
    yield "npmrc _auth2", f'_auth = "{encoded("bob:" + _password(dice))}"\n'
    yield (
        "npmrc legacy token",
        f"//npm.x.io/:_authToken={some(dice, HEX, 8)}-{some(dice, HEX, 4)}-{some(dice, HEX, 4)}-{some(dice, HEX, 4)}-{some(dice, HEX, 12)}\n",
    )
    yield "kubeconfig token", f"users:\n- name: x\n  user:\n    token: {_password(dice) * 2}\n"
    yield (
        "kubeconfig key",
        f"users:\n- name: x\n  user:\n    client-certificate-data: {encoded('-----BEGIN CERT' + 'IFICATE-----' + some(dice, BASE64, 200))}\n    client-key-data: {encoded(pem)}\n",
    )
    yield (
        "k8s secret",
        f"kind: Secret\ndata:\n  password: {encoded(_password(dice))}\n  username: {encoded('bob')}\n",
    )
    yield "k8s secret env", f"kind: Secret\nstringData:\n  DB_PASS: {_password(dice)}\n"
    yield (
        "write_files b64",
        f"#cloud-config\nwrite_files:\n- encoding: b64\n  content: {encoded('A=1' + chr(10) + 'DB_PASSWORD=' + _password(dice) + chr(10))}\n  path: /x\n",
    )
    gz = base64.b64encode(gzip.compress(f"A=1\nDB_PASSWORD={_password(dice)}\n".encode())).decode()
    yield (
        "write_files gz",
        f"#cloud-config\nwrite_files:\n- encoding: gz+b64\n  content: {gz}\n  path: /x\n",
    )
    yield (
        "write_files binary",
        "#cloud-config\nwrite_files:\n- content: !!binary |\n    "
        + "\n    ".join(gz[i : i + 60] for i in range(0, len(gz), 60))
        + "\n  path: /x\n",
    )
    mb = encoded(
        "#!/bin/bash\n# a script that is somewhat long, so that there are several lines in it\nexport DB_PASSWORD="
        + _password(dice)
        + "\n"
    )
    yield (
        "MIME",
        'Content-Type: multipart/mixed; boundary="==B=="\nMIME-Version: 1.0\n\n--==B==\nContent-Type: text/x-shellscript\nContent-Transfer-Encoding: base64\n\n'
        + "\n".join(mb[i : i + 76] for i in range(0, len(mb), 76))
        + "\n\n--==B==--\n",
    )
    yield (
        "MIME crlf",
        'Content-Type: multipart/mixed; boundary="==B=="\r\nMIME-Version: 1.0\r\n\r\n--==B==\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        + "\r\n".join(mb[i : i + 76] for i in range(0, len(mb), 76))
        + "\r\n\r\n--==B==--\r\n",
    )
    yield (
        "SAS",
        f"https://acc.blob.core.windows.net/c/b?sv=2022-11-02&ss=b&srt=sco&sp=rl&se=2030-01-01T00:00:00Z&sig={some(dice, BASE62, 30)}%2B{some(dice, BASE62, 10)}%3D",
    )
    yield (
        "SAS token",
        f"?sv=2022-11-02&ss=b&srt=sco&sp=rl&se=2030-01-01T00:00:00Z&sig={some(dice, BASE62, 30)}%2B{some(dice, BASE62, 10)}%3D",
    )
    yield (
        "SAS sb",
        f"SharedAccessSignature sr=x&sig={some(dice, BASE62, 30)}%2B{some(dice, BASE62, 10)}%3D&se=1700000000&skn=all",
    )
    yield (
        "SAS conn",
        f"BlobEndpoint=https://a.blob.core.windows.net/;SharedAccessSignature=sv=2022&sig={some(dice, BASE62, 43)}%3D",
    )
    yield (
        "presigned",
        "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK"
        + f"IA{some(dice, UPPER, 16)}/20260101/us-east-1/s3/aws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&X-Amz-Signature={some(dice, HEX, 64)}",
    )
    yield (
        "presigned v2",
        f"https://b.s3.amazonaws.com/k?AWSAccessKeyId=x&Expires=1&Signature={some(dice, BASE62, 27)}%3D",
    )
    yield (
        "slack wf",
        f"https://hooks.slack.com/workflows/T{some(dice, UPPER, 8)}/A{some(dice, UPPER, 8)}/{some(dice, DIGITS, 18)}/{some(dice, BASE62, 24)}",
    )
    yield (
        "slack trig",
        f"https://hooks.slack.com/triggers/T{some(dice, UPPER, 8)}/{some(dice, DIGITS, 13)}/{some(dice, HEX, 32)}",
    )
    yield (
        "teams",
        f"https://x.webhook.office.com/webhookb2/{identifier(dice)}@{identifier(dice)}/IncomingWebhook/{some(dice, HEX, 32)}/{identifier(dice)}",
    )
    yield (
        "teams2",
        f"https://outlook.office.com/webhook/{identifier(dice)}@{identifier(dice)}/IncomingWebhook/{some(dice, HEX, 32)}/{identifier(dice)}",
    )
    yield (
        "pa",
        f"https://prod-12.westeurope.logic.azure.com:443/workflows/{some(dice, HEX, 32)}/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={some(dice, URL_SAFE, 43)}",
    )
    yield (
        "pa2",
        f"https://default{some(dice, HEX, 30)}.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/{some(dice, HEX, 32)}/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={some(dice, URL_SAFE, 43)}",
    )
    yield (
        "gchat",
        f"https://chat.googleapis.com/v1/spaces/AAAA{some(dice, BASE62, 7)}/messages?key=AI"
        + f"za{some(dice, URL_SAFE, 35)}&token={some(dice, URL_SAFE, 43)}",
    )
    yield "smtp", f"smtp://bob:{_password(dice)}@mail.x.io:587"
    yield "cloudinary", f"cloudinary://{some(dice, DIGITS, 15)}:{some(dice, URL_SAFE, 27)}@demo"
    yield "sentry secret", f"https://{some(dice, HEX, 32)}:{some(dice, HEX, 32)}@sentry.io/12"
    yield "query token", f"https://api.x.io/v1/x?access_token={_password(dice) * 2}"
    yield "query key", f"https://api.x.io/v1/x?api_key={_password(dice) * 2}&z=1"
    yield "query key2", f"https://maps.x.io/v1/x?key={_password(dice) * 2}"
    yield "redis no user", f"redis://{_password(dice)}@cache:6379"
    yield "token in url", f"https://{_password(dice) * 2}@github.com/x/y.git"
    yield "token x-oauth", f"https://{some(dice, HEX, 40)}:x-oauth-basic@github.com/x/y.git"
    yield "postgres kv", f"dbname=x user=y password={_password(dice)}"
    yield "postgres url param", f"postgresql:///x?host=db&user=y&password={_password(dice)}"
    yield "pem in json", json.dumps({"k": pem})
    yield "pem in b64 in json", json.dumps({"k": encoded(pem)})
    yield "gcp sa b64", encoded(json.dumps({"type": "service_account", "private_key": pem}))
    yield (
        "gcp sa in env file b64",
        "#!/bin/sh\necho "
        + encoded(json.dumps({"type": "service_account", "private_key": pem}))
        + " | base64 -d > /x\n",
    )
    yield "terraform", f'variable "db_password" {{\n  default = "{_password(dice)}"\n}}\n'
    yield "terraform tfvars", f'db_password = "{_password(dice)}"\n'
    yield "xml attr", f'<add key="ApiToken" value="{_password(dice) * 2}" />'
    yield "xml attr2", f'<server username="bob" password="{_password(dice)}"/>'
    yield "php", f"define('DB_PASSWORD', '{_password(dice)}');"
    yield "php arr", f"'password' => '{_password(dice)}',"
    yield "ruby", f"config.api_key = '{_password(dice) * 2}'"
    yield "python dict", f"config['password'] = '{_password(dice)}'"
    yield "set", f"SET DB_PASSWORD={_password(dice)}\r\n"
    yield "ps env", f"$env:DB_PASSWORD = '{_password(dice)}'"
    yield "setx", f"setx DB_PASSWORD {_password(dice)} /M\n"
    yield "sql", f"ALTER USER app IDENTIFIED BY '{_password(dice)}';"
    yield "sql pg", f"CREATE USER app WITH PASSWORD '{_password(dice)}';"
    yield "sql pg enc", f"CREATE ROLE app LOGIN ENCRYPTED PASSWORD '{_password(dice)}';"
    yield "sql grant", f"GRANT ALL ON *.* TO 'a'@'%' IDENTIFIED BY '{_password(dice)}';"
    yield "mysql set", f"SET PASSWORD FOR 'root'@'localhost' = PASSWORD('{_password(dice)}');"
    yield (
        "user data chpasswd",
        f"#cloud-config\nchpasswd:\n  list: |\n    root:{_password(dice)}\n    ubuntu:{_password(dice)}\n",
    )
    yield (
        "user data chpasswd users",
        f"#cloud-config\nchpasswd:\n  users:\n  - name: root\n    password: {_password(dice)}\n    type: text\n",
    )
    yield (
        "user data password",
        f"#cloud-config\npassword: {_password(dice)}\nchpasswd: {{expire: false}}\n",
    )
    yield (
        "user data plain_text_passwd",
        f"#cloud-config\nusers:\n- name: x\n  plain_text_passwd: {_password(dice)}\n",
    )
    yield "wpa", f'network={{\n ssid="x"\n psk="{_password(dice)}"\n}}\n'
    yield "wg", f"[Interface]\nPrivateKey = {some(dice, BASE64, 43)}=\nAddress = 10.0.0.1/24\n"
    yield (
        "wg psk",
        f"[Peer]\nPublicKey = {some(dice, BASE64, 43)}=\nPresharedKey = {some(dice, BASE64, 43)}=\n",
    )
    yield "htpasswd plain", f"bob:{{PLAIN}}{_password(dice)}\n"
    yield "git-credentials", f"https://bob:{_password(dice)}@github.com\n"
    yield "my.cnf", f"[client]\nuser=x\npassword={_password(dice)}\n"
    yield "boto", f"[Credentials]\ngs_secret_access_key = {some(dice, BASE62, 40)}\n"
    yield "pypirc", f"[pypi]\nusername: bob\npassword: {_password(dice)}\n"
    yield "s3cfg", f"secret_key = {some(dice, BASE62, 40)}\n"
    yield "rclone", f"[r]\ntype = b2\naccount = x\nkey = K00{some(dice, BASE62, 28)}\n"
    yield (
        "maven",
        f"<server><id>x</id><username>b</username><password>{_password(dice)}</password></server>",
    )
    yield "nuget config", f'<add key="ClearTextPassword" value="{_password(dice)}" />'
    yield (
        "composer",
        json.dumps({"http-basic": {"repo.x.io": {"username": "bob", "password": _password(dice)}}}),
    )
    yield "ftp", f"ftp://b:{_password(dice)}@x.io/"
    yield (
        "aws creds json",
        json.dumps(
            {
                "AccessKeyId": "AK" + "IA" + some(dice, UPPER, 16),
                "SecretAccessKey": some(dice, BASE64, 40),
            }
        ),
    )
    yield "har", json.dumps({"name": "Authorization", "value": "Bearer " + _password(dice) * 2})
    yield "cookie", f"Cookie: session={_password(dice) * 2}"
    yield "ssm", json.dumps({"Parameter": {"Name": "/prod/db/password", "Value": _password(dice)}})
    yield (
        "secret json",
        json.dumps(
            {
                "username": "x",
                "password": _password(dice),
                "engine": "mysql",
                "host": "h",
                "port": 3306,
                "dbname": "d",
            }
        ),
    )
    yield "list pair", json.dumps([{"Key": "DB_PASSWORD", "Value": _password(dice)}])
    yield (
        "cfn param",
        json.dumps([{"ParameterKey": "DbPassword", "ParameterValue": _password(dice)}]),
    )
    yield (
        "ecs env",
        json.dumps({"environment": [{"name": "DB_PASSWORD", "value": _password(dice)}]}),
    )
    yield (
        "codebuild",
        json.dumps([{"name": "DB_PASSWORD", "type": "PLAINTEXT", "value": _password(dice)}]),
    )
    yield (
        "codebuild2",
        json.dumps([{"name": "DB_PASSWORD", "value": _password(dice), "type": "PLAINTEXT"}]),
    )
    yield "yaml list", f'env:\n- name: DB_PASSWORD\n  value: "{_password(dice)}"\n'
    yield "yaml list2", f"env:\n- value: {_password(dice)}\n  name: DB_PASSWORD\n"
    yield "compose list", f"environment:\n  - DB_PASSWORD={_password(dice)}\n"
    yield "json nested", json.dumps({"db": {"credentials": {"value": _password(dice) * 2}}})
    yield "json under password", json.dumps({"password": {"value": _password(dice)}})
    yield "json array", json.dumps({"api_keys": [_password(dice) * 2, _password(dice) * 2]})
    yield "json map", json.dumps({"secrets": {"stripe": _password(dice) * 2}})
    yield "toml", f"[db]\npassword = '''{_password(dice)}'''\n"
    yield "yaml block", f"password: |\n  {_password(dice)}\nuser: x\n"
    yield "yaml fold", f"password: >-\n  {_password(dice)}\nuser: x\n"
    yield "yaml quoted special", f"password: '{_password(dice)}#!{{}}'\n"
    yield "env special", f"DB_PASSWORD='{_password(dice)}&;()<>'\n"
    yield "env spaces", f"DB_PASSWORD = {_password(dice)}\n"
    yield "env escaped", f"DB_PASSWORD={_password(dice)}\\&\\$x\n"
    yield "double b64", encoded(encoded(f"DB_PASSWORD={_password(dice)}\nA=1\n"))
    yield "b64 in sh", f"echo '{encoded('DB_PASSWORD=' + _password(dice))}' | base64 -d >> .env\n"
    yield "german", f"kennwort: {_password(dice)}\n"
    yield "german2", f"Passwort: {_password(dice)}\n"
    yield "french", f"mot de passe: {_password(dice)}\n"
    yield "french2", f"mot_de_passe={_password(dice)}\n"
    yield "french3", f"motDePasse: '{_password(dice)}'\n"
    yield "spanish", f"contraseña: {_password(dice)}\n"
    yield "prose", f"The password is {_password(dice)}\n"
