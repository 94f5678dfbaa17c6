"""Replays: select what to reprocess, plan it, run it, follow it, and keep or undo its results.

request      the request: which videos and stages, with which parameters
records      a replay as it is recorded: plan, progress, checkpoint
stored       the reads of replays
store        the requests of owners, the leases of drivers, and the events that wake these
check        the check of a request before anything is planned
selection    the videos of a request, streamed by whichever index serves
verdict      the verdict on one stage of one video
examiner     the verdicts of all selected videos, with stored results looked up
tally        the sum of verdicts, which is the plan
budget       the limit on its cost
lanes        the queues of its runs
settlement   the runs that have ended, and how
walker       the walk over the videos, to draw a sample, to plan and to choose runs
driver       the driver, which plans and runs one replay from checkpoint to checkpoint
views        the response models
"""
