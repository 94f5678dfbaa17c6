"""Replays: say what to reprocess, see what would change, run it, watch it, keep it or go back.

request      what is asked for: which videos and stages, with which parameters
records      a replay as it is recorded: plan, progress, checkpoint
store        replays in the catalog's table, and the events that wake their driver
check        refuses at once what makes no sense
selection    the videos of a request, streamed by whichever index serves
verdict      what would become of one stage of one video
examiner     the verdicts of all selected videos, with stored results looked up
tally        adds verdicts up to a plan
budget       what it may cost
lanes        asks for runs, and knows whether any are still on their way
settlement   which of them have ended, and how
walker       the walk over the videos, to draw a sample, to plan and to choose runs
driver       plans and runs one replay, from checkpoint to checkpoint
views        what people see of it
"""
