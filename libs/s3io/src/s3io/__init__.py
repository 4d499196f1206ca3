"""Inputs by URL or from S3, outputs to S3, and the claim check for large bodies.

Nothing is imported here: each module is imported by name, so that who needs the claim check alone loads
neither httpx nor Pillow.
"""
