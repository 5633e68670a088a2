"""The full stack in containers: its secrets, roles, buckets and accounts, its health, and the words of the Makefile for it."""
