"""What every pusher driver has to do, judged by the conformance kit. Template-owned: an update renews it."""

from fustor_conformance.suite import PusherConformance


class TestExampleDriver(PusherConformance):
    """Every rule of the contract is one test; an unfinished driver reads "to do"."""

    distribution = "fustor-pusher-example"
