"""What Penstock needs around it on one machine: a PostgreSQL and, where it can be had, a Kafka."""
