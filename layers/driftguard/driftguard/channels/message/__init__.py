"""Says what a message says of a decision, in one order on every channel, before it is rendered.

`telling.py` makes the parts, `difference.py` says what a plan changes, `console.py` where the
resource is shown, `text.py` renders for mails and terminals, `programs.py` for programs.
"""
