"""A driver's code as it is written: read, and never run.

`sources` is what there is to read, of an installed driver or of one that somebody else has parsed; `classes` and
`modules` hold rules of the kit up to it; `doctor` is how `fustor-new doctor` asks.
"""
