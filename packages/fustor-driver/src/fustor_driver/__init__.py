"""Run, inspect and exercise Fustor drivers: the hosts, the view and the command `fustor-driver`."""

__all__: list[str] = []
