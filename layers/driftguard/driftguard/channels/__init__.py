"""Notifies people and takes their votes: SNS, Slack, hooks, link pages, the signed API.

A channel is a class that fulfills `channel.Channel`; `topic.py` (SNS), `slack/teller.py` and
`hooks/teller.py` do. To add one, write the class and hand it to the publisher in
`functions/publish/app.py`, or to `channel.tell_all` in a function of its own when others should not
wait for it. (`hooks/security_hub/` does neither: it leaves each decision in a queue.) It must

- tell each state of a decision once: the stream delivers records again (`told.py` remembers for a
  channel what it sent);
- put what comes in a storm into a digest, and never what `digest.stands_alone` names;
- raise whatever keeps it from telling, so that the record comes again;
- show no state and no secret: messages leave the account. `message/` has what they say, and
  `wording.py` the words;
- take votes, if it does, through `approvals.desk.Desk`, which decides who may do what.
"""
