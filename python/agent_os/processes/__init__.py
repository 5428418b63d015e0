"""Running agents: driving their code, signalling them, and what is known of each run."""
