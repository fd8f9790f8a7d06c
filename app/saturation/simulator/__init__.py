"""On what is the model proved? Tenants with known curves, seeded: the same seed gives the same bytes.

curves     families of response, with their slopes in closed form
settings   all that describes a tenant, but the seed
paths      how demand and spend move
truth      what is true of a channel
simulate   a tenant, from a setting and a seed
suites     clean and mixed, for training, calibration and test
stress     one cell for each thing that goes wrong alone
"""
