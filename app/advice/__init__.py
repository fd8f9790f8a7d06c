"""Where has a tenant's spend saturated, and what should it do? The saturation model over its ledger and spend.

settings      what a tenant can choose
series        daily series of its channels
refits        which refits are under way
refit         a refit: in groups of channels, then published
documents     answers and draws as they are stored
statuses      what is shown of them
pictures      a channel's curve to look at
scores        new spend, without a refit
plans         where the budget should go
verify        what came of plans that were followed
experiments   results of tests
judge_check   does the judge still keep its gates
"""
