"""Tells other services of decisions over HTTPS: a signed webhook, PagerDuty, Microsoft Teams.

They tell and take no votes. A hook is a class that fulfills `teller.Hook`; `teller.Hooked` makes a
channel of it. A function of its own hears of them from the decisions topic, so that a service that
is slow or away holds back neither an approval nor another channel. An address may hold a secret: no
error quotes one.
"""
