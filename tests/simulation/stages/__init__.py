"""Stages that take no time of the processor: their results follow from content and parameters."""
