"""A stage run in progress, from its message to its result.

batch          the messages of an event, each handled or delivered again
delivery       one delivery of a message, and the outcomes of handling it
runner         the entry of handlers and hosts: one stage's events in, outcomes measured
consume        an event: no run needed, or a run claimed and executed
job            the run that an event requests, and its plan
claimed        a claimed run: every write of its lease's holder
execute        a claimed run: open its source, probe, run, publish, record; or spread it
sources        the source of a run or range, copied or served
reuse          a stored result instead, also of another upload of the same bytes
spread         a run whose work is divided among workers: marked, requested
leftovers      the deletion of what such a run has left
range_run      a request of one range, to its end
range_work     the work of one claimed range
claimed_range  a claimed range: every write of its lease's holder
parts          the parts that ranges made, as later ones and the merge read them
merge          the parts become a result
plan_file      the files by which workers share plan and parts
stalled        spread runs whose messages may be lost
meter          the resources that a run or range uses
manifest       the manifest of a result, and the record of it
failure        the decision about a run that went wrong
heartbeat      the lease's extensions, and the progress
room           the check that the disk has room
workdir        the directories that stages work in
context        the fields of a run's log lines and metrics
janitor        runs that were lost, and deleted videos
redrive        dead-lettered messages, sent again
"""
