# CloudFront: the page and the API as they are, artifacts from the edge to those with a signature.

locals {
  # moto's distributions differ from what was asked for.
  cdn = var.cdn == null || var.local ? {} : { this = var.cdn }
}

resource "aws_cloudfront_origin_access_control" "artifacts" {
  for_each = local.cdn

  name                              = local.artifacts_bucket
  description                       = "CloudFront signs what it asks the artifacts bucket for"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_public_key" "signer" {
  for_each = local.cdn

  name        = "${var.name}-${substr(sha256(each.value.public_key), 0, 8)}"
  comment     = "Of who signs addresses and cookies of ${var.name}"
  encoded_key = each.value.public_key

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudfront_key_group" "signers" {
  for_each = local.cdn

  name  = var.name
  items = [aws_cloudfront_public_key.signer[each.key].id]
}

data "aws_cloudfront_cache_policy" "disabled" {
  for_each = local.cdn
  name     = "Managed-CachingDisabled"
}

data "aws_cloudfront_cache_policy" "optimized" {
  for_each = local.cdn
  name     = "Managed-CachingOptimized"
}

data "aws_cloudfront_origin_request_policy" "api" {
  for_each = local.cdn
  name     = "Managed-AllViewerExceptHostHeader"
}

data "aws_cloudfront_origin_request_policy" "cors" {
  for_each = local.cdn
  name     = "Managed-CORS-S3Origin"
}

resource "aws_cloudfront_distribution" "cdn" {
  for_each = local.cdn

  enabled         = true
  comment         = var.name
  http_version    = "http2and3"
  is_ipv6_enabled = true
  price_class     = each.value.price_class

  origin {
    origin_id   = "api"
    domain_name = trimprefix(aws_apigatewayv2_api.query.api_endpoint, "https://")

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }

  origin {
    origin_id                = "artifacts"
    domain_name              = module.artifacts.domain
    origin_access_control_id = aws_cloudfront_origin_access_control.artifacts[each.key].id
  }

  default_cache_behavior {
    target_origin_id         = "api"
    viewer_protocol_policy   = "redirect-to-https"
    allowed_methods          = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods           = ["GET", "HEAD"]
    cache_policy_id          = data.aws_cloudfront_cache_policy.disabled[each.key].id
    origin_request_policy_id = data.aws_cloudfront_origin_request_policy.api[each.key].id
  }

  ordered_cache_behavior {
    path_pattern             = "artifacts/*"
    target_origin_id         = "artifacts"
    viewer_protocol_policy   = "https-only"
    allowed_methods          = ["GET", "HEAD", "OPTIONS"]
    cached_methods           = ["GET", "HEAD"]
    compress                 = true
    cache_policy_id          = data.aws_cloudfront_cache_policy.optimized[each.key].id
    origin_request_policy_id = data.aws_cloudfront_origin_request_policy.cors[each.key].id
    trusted_key_groups       = [aws_cloudfront_key_group.signers[each.key].id]
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = true
  }
}
