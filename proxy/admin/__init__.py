"""The runtime API: commands over the stats socket."""
