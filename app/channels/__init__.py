"""Which channel brought this visit? Pure functions over data: no input or output, the standard library only.

names      the default channels
tables     what is known about sites, media and click ids
hosts      the host of an address, and whose it is
classify   campaign, click id and referrer to a channel
"""
