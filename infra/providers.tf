# The provider reads AWS_ENDPOINT_URL, AWS_PROFILE etc. itself, like boto3.
provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, { Project = var.name })
  }

  # A simulator has no instance metadata, no host name per bucket, and lacks some calls.
  max_retries                 = var.local ? 2 : null
  s3_use_path_style           = var.local
  skip_credentials_validation = var.local
  skip_metadata_api_check     = var.local
  skip_region_validation      = var.local
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}
