"""Telling people what a run does: in lines, or drawn."""
