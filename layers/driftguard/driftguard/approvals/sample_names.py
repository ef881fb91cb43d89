"""Names as people choose them for resources, made up and diverse: a yardstick for patterns."""

from __future__ import annotations

import hashlib
from functools import cache

# No word is more frequent than another: a pattern that names one of them matches few names.
_WORDS = """
access account active admin agent alarm alert alpha analytics api app archive article asset audit
auth backend backup balance base batch beta billing blog board bot branch brand bridge browser
budget build bus cache calendar campaign capture card cart case catalog central channel chat check
checkout client cloud cluster code collector common company config console consumer content
contract core cost country crawler credit cron customer daily dashboard data deck default delivery
demo deploy desk dev device digest direct disk dispatch doc domain download draft driver edge edit
email employee engine entry error estate eu event exchange export external fast feed field file
filter finance fleet flow form forum frontend fund game gateway geo global graph green grid group
guest hello help history home host hr hub identity image import index info infra ingest input
insight integration internal invoice item job journal jump kafka kernel key kit lab lake landing
layer lead learn ledger legacy library license limit link list load local log login loyalty mail
main manage map market media member menu merchant message metric migration mobile model monitor
monthly music network news nightly node notify office offline old online ops order origin output
owner package page parser partner patch payment people photo pipeline plan platform player plugin
point policy portal post preview price primary print private prod product profile project proxy
public publish push quality queue quick quota range rate raw reader record recovery redis refund
region registry release remote render report request research reserve resize rest retail review
reward robot root route rule runner sales sandbox scan schedule school score script search secret
secure sensor server service session shared ship shop signal site slack small smart source spark
staff stage staging static status stock storage store stream studio style submit support survey
switch sync system table target task tax team temp tenant test ticket time token tool topic trace
track trade traffic training transfer travel trial trigger twin unit update upload usage user
vault vendor video view virtual vessel voucher wallet ware watch web weekly west widget wiki window
worker workflow world yard year zone
""".split()  # noqa: SIM905 - one line a word would be three hundred
# Each form is as frequent as any other: few resources are alike in all but their words.
_FORMS = (
    *("{0}", "{0}", "{0}{1}", "{0}{n}", "{0}-{n}", "{n}-{0}", "{0}-v{d}", "{account}-{0}"),
    *("{0}-{1}", "{0}-{1}", "{0}-{1}", "{0}-{1}", "{0}-{1}-{2}", "{0}-{1}-{2}", "{0}-{1}-{2}"),
    *("{0}-{1}-{n}", "{0}-{1}-{account}", "{0}-{1}-us-east-1", "{0}-{1}-{hex}", "{0}-{hex}"),
    *("{0}_{1}", "{0}_{1}", "{0}_{1}_{2}", "{0}_{n}", "{0}_{1}-{2}", "{U}_{V}"),
    *("{0}.{1}", "{0}.{1}.{2}", "{0}.{1}.example.com", "{0}.{1}.internal", "{0}.{1}.org"),
    *("{0}/{1}", "{0}/{1}", "{0}/{1}/{2}", "/{0}/{1}", "/{0}/{1}/{2}", "/aws/{0}/{1}"),
    *("{A}{B}", "{A}{B}", "{A}{B}{C}", "{A}-{B}", "{A}Role", "{A}{B}Stack-{C}-{HEX}", "{a}{B}"),
    *("{A}_{B}", "{U}", "{0}:{n}", "{hex}{hex}", "{0}@{1}.com"),
)
_NAMES = 2 * len(_FORMS) * 10


@cache
def chosen() -> tuple[str, ...]:
    """The names, always the same ones."""
    return tuple(_name(number) for number in range(_NAMES))


def _name(number: int) -> str:
    drawn = hashlib.sha256(f"a name {number}".encode()).hexdigest()
    one, two, three = (
        _WORDS[int(drawn[place : place + 8], 16) % len(_WORDS)] for place in (0, 8, 16)
    )
    return _FORMS[number % len(_FORMS)].format(
        one,
        two,
        three,
        a=one,
        A=one.capitalize(),
        B=two.capitalize(),
        C=three.capitalize(),
        U=one.upper(),
        V=two.upper(),
        n=int(drawn[24:27], 16),
        d=int(drawn[27], 16),
        account=str(int(drawn[28:44], 16) + 10**11)[:12],
        hex=drawn[44:52],
        HEX=drawn[52:64].upper(),
    )
