# The bucket for uploads of videos.

module "uploads" {
  source = "./modules/bucket"

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
  bucket      = module.uploads.name
  eventbridge = true
}
