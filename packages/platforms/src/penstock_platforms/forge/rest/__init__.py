"""GitHub's REST and GraphQL interface, as far as Penstock uses it."""
