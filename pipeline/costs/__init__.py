"""Costs of an installation, idle and at work, and the quotas that a workload exceeds.

All of it is arithmetic over four inputs: a dated price table (``price_table.py``), the pace of
stages (recorded run times, or the topology's guesses), the resources of ``infra/``
(``installation.py``), and a workload that the user chooses.
"""

from pipeline.costs.pace import paces
from pipeline.costs.report import Report, report
from pipeline.costs.workload import Workload

__all__ = ["Report", "Workload", "paces", "report"]
