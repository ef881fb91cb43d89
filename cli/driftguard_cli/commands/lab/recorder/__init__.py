"""The lab's recorder: passes API calls on to the emulators, and plays the account's CloudTrail.

Neither emulator makes CloudTrail events of the calls it gets. The recorder is where people's tools
make theirs. It passes every call on to the emulator that plays its service, and of each that could
wake a control it writes the record that CloudTrail would write and puts it on the bus. Reads, and
calls that no control watches, pass unrecorded.

It runs where the emulators run, in the checkout's environment: moto's parsers read the requests.
"""
