"""The HTTP shape of this app; no branch on business state lives here."""
