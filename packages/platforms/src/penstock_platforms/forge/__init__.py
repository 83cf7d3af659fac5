"""A forge to test against: GitHub's rules, real Git repositories, a ledger of writes, faults on demand."""
