"""EC2's networks beyond groups and routes: endpoints, their services, interfaces, client VPNs."""
