"""Values and texts that look as if they held a secret, and hold none."""

# ruff: noqa: E501 - a text stands here as it is written

from __future__ import annotations

import json
from random import Random

from tests.support.secrets.made_up import (
    BASE62,
    BASE64,
    HEX,
    URL_SAFE,
    encoded,
    some,
)
from tests.support.secrets.wrapped import identifier


def ordinary_texts() -> list[tuple[str, str]]:
    """Names and texts: code, configurations and documents that speak of secrets."""
    dice = Random("ordinary texts")
    return [
        (
            "code py",
            "password = getpass.getpass()\napi_key = os.environ.get('API_KEY')\ntoken = request.headers['X-Token']\nclient = Client(api_key=api_key, secret=settings.SECRET)\n",
        ),
        (
            "code js",
            "const { apiKey, secret } = config;\nconst token = await getToken(user);\nheaders.Authorization = `Bearer ${token}`;\nconst password = req.body.password;\n",
        ),
        (
            "code java",
            'String password = System.getenv("DB_PASSWORD");\nprivate static final String TOKEN_HEADER = "X-Auth-Token";\nsetPassword(user.getPassword());\n',
        ),
        (
            "code go",
            'password := os.Getenv("DB_PASSWORD")\ntoken, err := client.Token(ctx)\nsecretKey := []byte(cfg.Secret)\n',
        ),
        (
            "code tf",
            'variable "db_password" {\n  type = string\n  sensitive = true\n}\nresource "aws_db_instance" "x" {\n  password = var.db_password\n  master_password = random_password.db.result\n  manage_master_user_password = true\n}\n',
        ),
        (
            "sh",
            '#!/bin/bash\nread -s -p \'Password: \' PASSWORD\necho "$PASSWORD" | docker login -u x --password-stdin\nexport TOKEN=$(cat /run/token)\ncurl -H "Authorization: Bearer $TOKEN" https://x\nmysql -p"$DB_PASS" x\nredis-cli -a "$REDIS_PASSWORD" ping\nsudo -S true <<< "$PW"\n',
        ),
        (
            "sh2",
            "#!/bin/bash\nmysql --password x\nopenssl rand -base64 32 > /etc/key\npasswd -l root\nusermod -p '*' ubuntu\nvault login -method=aws\nunzip -P x\ntail -f /var/log/x\nsend_metric orders\n",
        ),
        (
            "cloud-config",
            "#cloud-config\nssh_pwauth: false\nchpasswd:\n  expire: false\n  list: |\n    root:RANDOM\nusers:\n- name: x\n  passwd: $6$rounds=4096$"
            + some(dice, BASE62, 16)
            + "$"
            + some(dice, BASE62, 86)
            + "\n  ssh_authorized_keys:\n  - ssh-rsa AAAA"
            + "B3NzaC1yc2E"
            + some(dice, BASE64, 300)
            + " x@y\n",
        ),
        (
            "compose",
            "services:\n  db:\n    image: postgres:16\n    environment:\n      POSTGRES_PASSWORD_FILE: /run/secrets/pg\n      POSTGRES_USER: app\n    secrets:\n    - pg\nsecrets:\n  pg:\n    external: true\n",
        ),
        (
            "k8s",
            "env:\n- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef: {name: db, key: password}\n- name: TOKEN_PATH\n  value: /var/run/secrets/token\n",
        ),
        (
            "sealed",
            "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec:\n  encryptedData:\n    password: AgB"
            + some(dice, BASE64, 500)
            + "==\n    token: AgA"
            + some(dice, BASE64, 500)
            + "==\n",
        ),
        (
            "sops",
            "db:\n  password: ENC[AES256_GCM,data:"
            + some(dice, BASE64, 20)
            + ",iv:"
            + some(dice, BASE64, 43)
            + "=,tag:"
            + some(dice, BASE64, 22)
            + "==,type:str]\nsops:\n  kms:\n  - arn: arn:aws:kms:us-east-1:1:key/x\n    enc: AQICAH"
            + some(dice, BASE64, 200)
            + "==\n  mac: ENC[AES256_GCM,data:"
            + some(dice, BASE64, 100)
            + ",iv:"
            + some(dice, BASE64, 43)
            + "=,tag:"
            + some(dice, BASE64, 22)
            + "==,type:str]\n",
        ),
        (
            "ansible",
            "password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  "
            + "\n  ".join(some(dice, HEX, 80) for _ in range(6))
            + "\n",
        ),
        (
            "lock",
            json.dumps(
                {
                    "packages": {
                        "x": {
                            "version": "1.2.3",
                            "resolved": "https://registry.npmjs.org/x/-/x-1.2.3.tgz",
                            "integrity": "sha512-" + some(dice, BASE64, 86) + "==",
                        }
                    }
                }
            ),
        ),
        (
            "kubeconfig",
            "clusters:\n- cluster:\n    certificate-authority-data: "
            + encoded(
                "-----BEGIN CERTIFICATE-----\n"
                + some(dice, BASE64, 800)
                + "\n-----END CERTIFICATE-----\n"
            )
            + "\n    server: https://x\nusers:\n- name: x\n  user:\n    exec:\n      command: aws\n      args: [eks, get-token, --cluster-name, x]\n",
        ),
        (
            "firebase",
            json.dumps(
                {
                    "api" + "Key": "AI" + "za" + some(dice, URL_SAFE, 35),
                    "authDomain": "x.firebaseapp.com",
                    "projectId": "x",
                    "messagingSenderId": "123456789012",
                    "appId": "1:123456789012:web:" + some(dice, HEX, 22),
                }
            ),
        ),
        (
            "npmrc",
            "registry=https://npm.x.io/\n//npm.x.io/:_authToken=${NPM_TOKEN}\n//npm.x.io/:always-auth=true\n",
        ),
        ("netrc", "machine x.io login $USER password $PASS\n"),
        (
            "schema",
            json.dumps(
                {
                    "properties": {
                        "password": {
                            "type": "string",
                            "minLength": 8,
                            "description": "The password of the user.",
                        },
                        "api_key": {"type": "string", "format": "uuid", "title": "API key"},
                    },
                    "required": ["password", "api_key"],
                }
            ),
        ),
        (
            "openapi",
            json.dumps(
                {
                    "securitySchemes": {
                        "ApiKeyAuth": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                    }
                }
            ),
        ),
        (
            "tfstate",
            json.dumps(
                {
                    "serial": 3,
                    "lineage": identifier(dice),
                    "resources": [
                        {
                            "type": "aws_s3_bucket",
                            "instances": [
                                {
                                    "attributes": {
                                        "id": "orders",
                                        "arn": "arn:aws:s3:::orders",
                                        "etag": some(dice, HEX, 32),
                                    }
                                }
                            ],
                        }
                    ],
                }
            ),
        ),
        (
            "log",
            "2026-11-24 12:00:01 INFO Token: refreshed for user 42\n2026-11-24 12:00:02 WARN password: incorrect for bob\nkey: not found\nsecret: loaded from vault\nrequest_id="
            + identifier(dice)
            + "\n",
        ),
        (
            "i18n",
            json.dumps(
                {
                    "pass" + "word": "Passwort",
                    "token": "Token",
                    "sec" + "ret": "Geheimnis",
                    "login.pass" + "word": "Passwort eingeben",
                    "pass" + "word_hint": "At least 12 characters",
                    "api" + "_key": "API-Schlüssel",
                }
            ),
        ),
        (
            "i18n yaml",
            "de:\n  password: Passwort\n  forgot_password: Passwort vergessen?\n  token: Token\n",
        ),
        (
            "html",
            '<label for="password">Password</label><input type="password" name="password" autocomplete="current-password">\n<input type="hidden" name="csrf_token" value="{{ csrf_token }}">\n',
        ),
        (
            "passwd file",
            "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n",
        ),
        ("hosts", "db.internal:5432:orders\nhttp://x:8080/a@b\n"),
        (
            "nginx",
            "proxy_set_header Authorization $http_authorization;\nauth_request /token;\nssl_certificate_key /etc/ssl/key.pem;\n",
        ),
        (
            "sql",
            "CREATE TABLE users (id int, password varchar(255) NOT NULL, token text);\nALTER USER app PASSWORD EXPIRE;\nCREATE USER app IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS';\n",
        ),
        (
            "metrics",
            "# HELP token_bucket_size The size\ntoken_bucket_size 42\nkey_rotation_total 3\n",
        ),
        (
            "policy",
            json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "AllowSecret",
                            "Effect": "Allow",
                            "Action": ["secretsmanager:GetSecretValue", "ssm:GetParameter*"],
                            "Resource": "arn:aws:secretsmanager:*:1:secret:prod/*",
                            "Condition": {"StringEquals": {"aws:PrincipalTag/token": "x"}},
                        }
                    ],
                }
            ),
        ),
        (
            "asg user data",
            "#!/bin/bash\n/opt/aws/bin/cfn-init -v --stack orders --resource Asg --region eu-central-1\n/opt/aws/bin/cfn-signal -e $? --stack orders --resource Asg\n",
        ),
        (
            "ssm",
            json.dumps(
                {
                    "Parameter": {
                        "Name": "/prod/db/password",
                        "Type": "SecureString",
                        "ARN": "arn:aws:ssm:us-east-1:1:parameter/prod/db/password",
                    }
                }
            ),
        ),
        (
            "event",
            json.dumps(
                {
                    "id": identifier(dice),
                    "detail-type": "x",
                    "requestID": identifier(dice),
                    "eventID": identifier(dice),
                    "accessKeyId": "AKIA...",
                    "x-amz-id-2": "*",
                    "tokens": {"count": 3, "limit": 10},
                }
            ),
        ),
        (
            "readme",
            "# Orders\nSet the password with `--password PASSWORD`. The token is read from the file.\nPassword: see 1Password. API key: ask the team.\n",
        ),
        (
            "make",
            "deploy:\n\taws lambda update-function-code --function-name orders --zip-file fileb://x.zip\n\tdocker build --build-arg NPM_TOKEN=$(NPM_TOKEN) .\n",
        ),
        (
            "gha",
            "env:\n  TOKEN: ${{ secrets.GITHUB_TOKEN }}\n  DB_PASSWORD: ${{ secrets.DB_PASSWORD }}\nwith:\n  password: ${{ secrets.PYPI }}\n  token: ${{ github.token }}\n",
        ),
        (
            "jenkins",
            "withCredentials([string(credentialsId: 'npm-token', variable: 'NPM_TOKEN')]) {\n  sh 'npm publish'\n}\n",
        ),
    ]
