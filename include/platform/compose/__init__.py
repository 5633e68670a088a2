"""The full stack in containers: secrets, database roles, buckets, accounts, health checks, and starting it."""
