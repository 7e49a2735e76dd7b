"""The only bridge from the configuration's model to the objects that run."""
