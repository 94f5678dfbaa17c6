"""A stage run in progress, from its message to its result.

delivery   one delivery of a message, and the outcomes of handling it
runner     the entry of handlers and hosts: one stage's events in, outcomes measured
consume    an event: no run needed, or a run claimed and executed
job        the run that an event requests, and its plan
claimed    a claimed run: every write of its lease's holder
execute    a claimed run: fetch, probe, run, publish, record
manifest   the manifest of a result, and the record of it
failure    the decision about a run that went wrong
heartbeat  the lease's extensions, and the progress
admission  the runs that this host can finish
workdir    the directories that stages work in
context    the fields of a run's log lines and metrics
janitor    runs that were lost, and deleted videos
redrive    dead-lettered messages, sent again
"""
