"""The ways to choose a server, one file each, behind one contract."""
