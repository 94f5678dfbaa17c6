"""What an installation costs, idle and at work, and which quotas it would meet.

Everything here is arithmetic over four things: a dated price table (``run_price.py``), how long
stages take (recorded run times, or the topology's guesses), what ``infra/`` makes
(``installation.py``), and a workload that the reader chooses.
"""

from pipeline.costs.pace import paces
from pipeline.costs.report import Report, report
from pipeline.costs.workload import Workload

__all__ = ["Report", "Workload", "paces", "report"]
