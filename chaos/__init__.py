"""Kills, freezes and cuts the system while it works, and checks afterwards that it kept its promise."""
