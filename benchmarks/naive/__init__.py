"""The same job as an honest first version does it; no part of the product uses this."""
