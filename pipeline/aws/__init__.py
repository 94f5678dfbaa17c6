"""All calls to AWS; only this package imports boto3 and botocore."""
