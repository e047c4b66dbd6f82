"""The subcommands of `fustor-driver`, one module each: parse, call, print."""
