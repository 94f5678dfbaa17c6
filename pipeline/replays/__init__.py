"""Replays: say what to reprocess, see what would change, run it, watch it, keep it or go back.

request      what is asked for: which videos and stages, with which parameters
records      a replay as it is recorded: plan, progress, checkpoint
store        replays in the catalog's table, and the events that wake their driver
verdict      what would become of one stage of one video
selection    the videos of a request, streamed by whichever index serves
driver       plans and runs one replay, from checkpoint to checkpoint
"""
