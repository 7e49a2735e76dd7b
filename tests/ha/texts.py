"""Configurations for the lab."""

from __future__ import annotations

VIP = "10.77.0.100"


def pair(priority: int, *, state: str = "BACKUP", version: int = 3, advert_int: str = "0.05", vip: str = VIP, vrid: int = 51,
         name: str = "web",
         more: str = "", top: str = "") -> str:
    """One machine of a pair."""
    authentication = "authentication {\n  auth_type PASS\n  auth_pass 123456\n}" if version == 2 else ""
    return f"""{top}
vrrp_instance {name} {{
  state {state}
  interface eth0
  virtual_router_id {vrid}
  priority {priority}
  version {version}
  advert_int {advert_int}
  {authentication}
  {more}
  virtual_ipaddress {{ {vip} }}
}}
"""
