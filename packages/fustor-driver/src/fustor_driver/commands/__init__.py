"""The subcommands of `fustor-driver`, one module each: parse, call, print; and those that drivers bring along."""
