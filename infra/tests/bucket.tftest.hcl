# Private buckets.

mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::uploads" }
  }
}

variables {
  name          = "uploads"
  local         = false
  force_destroy = false
  cors          = { methods = ["GET"], origins = ["https://example.com"], expose_headers = [] }
}

run "versioned" {
  variables {
    versioned = true
    old_days  = 7
  }
  module {
    source = "./modules/bucket"
  }

  assert {
    condition = (
      aws_s3_bucket_public_access_block.this.block_public_acls
      && aws_s3_bucket_public_access_block.this.block_public_policy
      && aws_s3_bucket_public_access_block.this.ignore_public_acls
      && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    )
    error_message = "A bucket has no public access."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "A bucket is encrypted."
  }
  assert {
    condition     = one(aws_s3_bucket_ownership_controls.this.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "Objects have no access lists."
  }
  assert {
    condition     = one(aws_s3_bucket_cors_configuration.this.cors_rule).allowed_origins == toset(["https://example.com"])
    error_message = "Only pages of the given origins may access a bucket."
  }
  assert {
    condition = [
      for statement in jsondecode(aws_s3_bucket_policy.this[0].policy).Statement : [
        statement.Effect, statement.Action, statement.Resource, statement.Condition
      ]
    ] == [["Deny", "s3:*", ["arn:aws:s3:::uploads", "arn:aws:s3:::uploads/*"], { Bool = { "aws:SecureTransport" = "false" } }]]
    error_message = "A bucket answers over TLS only."
  }
  assert {
    condition     = one(one(aws_s3_bucket_versioning.this).versioning_configuration).status == "Enabled"
    error_message = "A replaced upload can be restored."
  }
  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id] == ["unfinished", "old"]
    error_message = "Parts of aborted uploads and old versions expire."
  }
}

run "plain" {
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
  }
  module {
    source = "./modules/bucket"
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default) == { sse_algorithm = "aws:kms", kms_master_key_id = var.kms_key_arn } && one(aws_s3_bucket_server_side_encryption_configuration.this.rule).bucket_key_enabled
    error_message = "Objects have the key that is given."
  }

  assert {
    condition     = length(aws_s3_bucket_versioning.this) == 0 && [for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id] == ["unfinished"]
    error_message = "A bucket without overwrites has no versions."
  }
}

run "longer_than_s3_takes" {
  command = plan
  variables {
    name = "an-installation-of-thirty-twoooo-artifacts-123456789012-us-east-1"
  }
  module {
    source = "./modules/bucket"
  }
  expect_failures = [var.name]
}

run "simulator" {
  variables {
    local = true
  }
  module {
    source = "./modules/bucket"
  }

  assert {
    condition     = length(aws_s3_bucket_policy.this) == 0
    error_message = "moto would reject every request."
  }
}
