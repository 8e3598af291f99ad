"""What laambda costs on this machine: a report, no assertions. Run by ``make bench``."""
