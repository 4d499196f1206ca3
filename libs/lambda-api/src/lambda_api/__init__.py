"""What the Lambda functions behind the API have in common: events, routes, refusals, the guard around them.

Nothing is imported here, so that a cold start loads what it needs and no more.
"""
