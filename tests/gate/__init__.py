"""The gate: its steps, what they cost, and which tests each Python runs.

Standard library only, as far as `python -m tests.gate` goes: it makes the environments.
"""
