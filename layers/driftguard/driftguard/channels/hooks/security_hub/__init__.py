"""AWS Security Hub CSPM: a finding for each decision goes out, and a custom action comes in.

The publisher puts each decision's id into a queue (`outbox.py`), and a function of its own reads
the decision in the record and imports it (`imports.py`) as a finding (`asff.py`). So no digest and
no budget leaves one out, and a Security Hub that is away holds back nobody. A custom action comes
back as an event (`custom_action.py`), which is a hint and never a vote.
"""
