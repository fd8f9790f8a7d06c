-- Nothing read it: campaigns get their names from the aliases of a tenant's rules.
DROP TABLE IF EXISTS campaigns;
