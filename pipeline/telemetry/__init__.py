"""Telemetry of running processes: metrics, logs and traces.

names       the metrics and their names
context     the context of a thread: fields of every log line, and labels of metrics
metrics     recording of values to the sink of this process
emf         the sink on AWS: CloudWatch's embedded metrics, in the log
prometheus  the sink on one machine: files that ``/metrics`` reads
logs        JSON on AWS, readable elsewhere
tracing     OpenTelemetry's spans, where a collector is named
cold_start  initialisation without garbage collection
function    all of it around a handler
"""
