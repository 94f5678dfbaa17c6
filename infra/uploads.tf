# The bucket for uploads of videos: one of this installation, or one that exists.

module "uploads" {
  source = "./modules/bucket"
  count  = var.existing_uploads_bucket ? 0 : 1

  name          = local.uploads_bucket
  local         = var.local
  kms_key_arn   = var.kms_key_arn
  force_destroy = !var.deletion_protection
  versioned     = true
  old_days      = var.old_uploads_days
  cors = {
    methods        = ["POST", "PUT"]
    origins        = local.origins
    expose_headers = ["ETag"]
  }
}

resource "aws_s3_bucket_notification" "uploads" {
  # It would replace all notifications of a bucket that exists.
  count = var.existing_uploads_bucket ? 0 : 1

  bucket      = module.uploads[0].name
  eventbridge = true
}

data "aws_s3_bucket" "uploads" {
  count  = var.existing_uploads_bucket ? 1 : 0
  bucket = local.uploads_bucket
}
