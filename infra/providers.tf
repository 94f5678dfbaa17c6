# AWS_ENDPOINT_URL, AWS_PROFILE and their like are the provider's own settings, as they are boto3's.
provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }

  # A simulator has no instance metadata, no host name per bucket, and calls that it never learns.
  max_retries                 = var.local ? 2 : null
  s3_use_path_style           = var.local
  skip_credentials_validation = var.local
  skip_metadata_api_check     = var.local
  skip_region_validation      = var.local
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}
