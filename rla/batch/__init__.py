"""Many jobs as runs: start them side by side, know the state of each, go on where a batch was broken off.

What is run says a :class:`~rla.batch.workload.Workload`; hermes and sweep each have one.
"""
