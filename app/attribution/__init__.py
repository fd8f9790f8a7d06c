"""Which touch earned what? Journeys, the models and the money, as pure functions over arrays.

Nothing is imported here: the web edge takes `currency` and `names` without loading numpy.

    names      the models, touch kinds and reserved channels
    currency   amounts in and out of integer minor units
    touches    the ragged layout, and the touches as storage hands them over
    journeys   which touches belong to a conversion, and why the others do not
    decay      2**-x, the same bits on every processor
    models     the weights of the five models
    money      a value shared by weights, exact to the unit; `remainders` and `columns` say who gets what floors leave
    credit     all of it, for one chunk of conversions
"""
