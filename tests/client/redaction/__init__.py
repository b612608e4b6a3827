"""Secrets of every kind that we know, made anew at each run: nothing in these files is one."""
