"""Speed, as a ratio to a minimum measured on the same machine; see README.md."""
