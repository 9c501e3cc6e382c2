"""Telling the vendor's staff about issues: noticed by rules, sent by mail and webhook, with limits.

noticing.py  what is worth telling, once each, at most so many an hour
sending.py   deliveries that are due, one after another, tried again with growing pauses
webhook.py, mail.py  the two ways out; each has a time limit for all of it, and takes no redirect
envelope.py  what a Sentry-compatible server gets of an issue
process.py   a process of its own: whatever a receiver does, neither ingest nor issues wait for it
"""
