"""What every source driver has to do, judged by the conformance kit. Template-owned: an update renews it."""

from fustor_conformance.suite import SourceConformance


class TestPostgresDriver(SourceConformance):
    """Every rule of the contract is one test; an unfinished driver reads "to do"."""

    distribution = "fustor-source-postgres"
