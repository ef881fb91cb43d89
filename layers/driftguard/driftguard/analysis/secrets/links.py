"""Links that open something for whoever has them: webhooks, and signed or shared addresses.

Each row is (kind, form, source, mark); the form's group is the secret part.
"""

from __future__ import annotations

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_WEBHOOK, _SIGNED = "webhook", "signed address"

LINKS = (
    (
        "Slack token",
        r"hooks\.slack\.com/(?:workflows|triggers)/([\w/-]{20,160})",
        "api.slack.com",
        "hooks.slack.com/",
    ),
    (
        "Slack token",
        r"hooks\.slack-gov\.com/services/([\w/]{30,80})",
        "api.slack.com",
        "hooks.slack-gov.com/",
    ),
    (
        "Discord webhook",
        r"discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/(\d{5,25}/[\w-]{40,90})",
        "discord.com/developers",
        "/webhooks/",
    ),
    (
        _WEBHOOK,
        rf"\.webhook\.office\.com/webhookb2/({_UUID}@{_UUID}/\w{{1,40}}/[\w/-]{{20,120}})",
        "learn.microsoft.com/microsoftteams",
        ".webhook.office.com/",
    ),
    (
        _WEBHOOK,
        rf"outlook\.office(?:365)?\.com/webhook/({_UUID}@{_UUID}/\w{{1,40}}/[\w/-]{{20,120}})",
        "learn.microsoft.com/microsoftteams",
        "/webhook/",
    ),
    (
        _WEBHOOK,
        r"chat\.googleapis\.com/v1/spaces/[\w-]{4,40}/messages\?([\w&=%-]{40,300})",
        "developers.google.com/chat",
        "chat.googleapis.com/",
    ),
    (
        _WEBHOOK,
        r"hooks\.zapier\.com/hooks/(?:catch|standard)/(\d{4,12}/\w{5,40})",
        "help.zapier.com",
        "hooks.zapier.com/",
    ),
    (
        _WEBHOOK,
        r"maker\.ifttt\.com/trigger/[\w-]{1,80}/(?:json/)?with/key/([\w-]{20,60})",
        "help.ifttt.com",
        "maker.ifttt.com/",
    ),
    (_WEBHOOK, r"hook\.(?:[a-z]{2}\d\.)?make\.com/([a-z0-9]{28,40})", "help.make.com", "make.com/"),
    (
        _WEBHOOK,
        r"hook\.(?:[a-z]{2}\d\.)?integromat\.com/([a-z0-9]{28,40})",
        "help.make.com",
        "integromat.com/",
    ),
    (_WEBHOOK, r"/hooks/([a-z0-9]{26})\b", "developers.mattermost.com", "/hooks/"),
    (_WEBHOOK, r"/hooks/([A-Za-z0-9]{17,24}/[A-Za-z0-9]{40,64})\b", "docs.rocket.chat", "/hooks/"),
    (
        _WEBHOOK,
        r"webexapis\.com/v1/webhooks/incoming/([\w-]{40,120})",
        "apphub.webex.com",
        "webexapis.com/",
    ),
    (
        _WEBHOOK,
        rf"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/({_UUID})",
        "open.larksuite.com",
        "/bot/v2/hook/",
    ),
    (
        _WEBHOOK,
        r"oapi\.dingtalk\.com/robot/send\?access_token=([0-9a-f]{64})",
        "open.dingtalk.com",
        "oapi.dingtalk.com/",
    ),
    (
        _WEBHOOK,
        rf"qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=({_UUID})",
        "developer.work.weixin.qq.com",
        "qyapi.weixin.qq.com/",
    ),
    (
        _WEBHOOK,
        r"events\.(?:eu\.)?pagerduty\.com/(?:x-ere|integration)/(\w{32})",
        "developer.pagerduty.com",
        "pagerduty.com/",
    ),
    (
        _WEBHOOK,
        r"alert\.victorops\.com/integrations/generic/\d{1,10}/alert/([\w-]{20,60})",
        "help.victorops.com",
        "alert.victorops.com/",
    ),
    (
        _WEBHOOK,
        r"squadcast\.com/v\d/incidents/(?:api|prometheus)/([0-9a-f]{40})",
        "support.squadcast.com",
        "squadcast.com/",
    ),
    (
        _WEBHOOK,
        r"inputs\.alerts\.incident\.io/\S{1,60}token=([\w-]{20,80})",
        "incident.io",
        "incident.io/",
    ),
    (_WEBHOOK, r"m\.pipedream\.net/([\w-]{20,60})", "pipedream.com/docs", "pipedream.net/"),
    (
        "Telegram bot token",
        r"api\.telegram\.org/(?:file/)?bot(\d{8,10}:[\w-]{35})",
        "core.telegram.org",
        "api.telegram.org/",
    ),
    ("node provider key", r"\.infura\.io/v3/([0-9a-f]{32})", "docs.metamask.io", ".infura.io/"),
    ("node provider key", r"\.alchemy\.com/v2/([\w-]{32})", "docs.alchemy.com", ".alchemy.com/"),
    (
        "node provider key",
        r"\.quiknode\.pro/([0-9a-f]{40})",
        "quicknode.com/docs",
        ".quiknode.pro/",
    ),
    (_SIGNED, r"[?&;]sig=([\w%+/=-]{30,120})", "learn.microsoft.com/azure/storage", "sig="),
    (
        _SIGNED,
        r"X-Amz-Signature=([0-9a-f]{64})",
        "docs.aws.amazon.com/AmazonS3",
        "X-Amz-Signature=",
    ),
    (
        _SIGNED,
        r"X-Goog-Signature=([0-9a-f]{64,1024})",
        "cloud.google.com/storage/docs",
        "X-Goog-Signature=",
    ),
    (
        _SIGNED,
        r"[?&]Signature=([\w%~+/=-]{24,400})",
        "docs.aws.amazon.com/AmazonCloudFront",
        "Signature=",
    ),
)
