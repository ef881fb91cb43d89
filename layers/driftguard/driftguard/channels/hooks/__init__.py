"""Tells other services of decisions over HTTPS: a webhook, PagerDuty, Microsoft Teams, Jira.

They tell and take no votes. (Security Hub, in `security_hub/`, has a queue and a function of its
own.) A hook is a class that fulfills `teller.Hook`; `teller.Hooked` makes a
channel of it. A function of its own hears of them from the decisions topic, so that a service that
is slow or away holds back neither an approval nor another channel. An address may hold a secret: no
error quotes one.
"""
