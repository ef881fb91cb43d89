"""What can be reached through a policy: the Allows less the Denies, as sets of requests.

A statement is a product of constraints, each about one key of a request: its action, its resource,
or a condition key (`constraint`). What is known of one key is a state (`key_state`); a region holds
one for each key. A Deny takes away the requests that meet all of its constraints. So what it leaves
is what breaks one of them, and that is a product again (`subtraction`).
"""
