"""The CDK app: what Darkroom is made of in an AWS account."""
