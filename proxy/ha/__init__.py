"""VRRP and virtual servers from a keepalived.conf."""
