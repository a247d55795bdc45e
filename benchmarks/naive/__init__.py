"""The same job as a typical first version does it; the product does not use this."""
