# The bucket of results. Results are never overwritten, so that no versions are kept.

module "artifacts" {
  source = "./modules/bucket"

  name          = local.artifacts_bucket
  local         = var.local
  kms_key_arn   = var.kms_key_arn
  force_destroy = !var.deletion_protection
  cors = {
    # Browsers with native HLS, and hls.js on other origins, request ranges.
    methods        = ["GET", "HEAD"]
    origins        = local.origins
    expose_headers = ["Accept-Ranges", "Content-Length", "Content-Range", "ETag"]
  }
  statements = [
    for distribution in aws_cloudfront_distribution.cdn : {
      Sid       = "CloudFront"
      Effect    = "Allow"
      Principal = { Service = "cloudfront.amazonaws.com" }
      Action    = ["s3:GetObject"]
      Resource  = ["${local.artifacts_arn}/artifacts/*"]
      Condition = { StringEquals = { "AWS:SourceArn" = [distribution.arn] } }
    }
  ]
}
