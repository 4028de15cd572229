"""Fit one experiment: families, device, and how a fit is started."""
