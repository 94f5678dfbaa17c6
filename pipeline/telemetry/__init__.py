"""What people see of running processes: metrics, logs, traces.

names     what is measured, under which name
"""
