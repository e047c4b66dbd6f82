"""Everything that is asked of a server besides rows: connections, catalog, privileges, slots and publications."""
