"""Speed, always as a ratio to this machine's own floor; see README.md here."""
