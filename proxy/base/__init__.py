"""The ground floor: errors, addresses, units, clock. Imports nothing of the project."""
