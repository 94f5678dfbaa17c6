"""A discrete-event simulation of stages, their queues and the limits of AWS."""
