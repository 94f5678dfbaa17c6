# CloudFront: the page and the API uncached, artifacts cached and for signed URLs only.

locals {
  # moto's distributions differ from the request.
  cdn = var.cdn == null || var.local ? {} : { this = var.cdn }
}

resource "aws_cloudfront_origin_access_control" "artifacts" {
  for_each = local.cdn

  name                              = local.artifacts_bucket
  description                       = "CloudFront signs its requests to the artifacts bucket"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_public_key" "signer" {
  for_each = local.cdn

  name        = "${var.name}-${substr(sha256(each.value.public_key), 0, 8)}"
  comment     = "Of who signs addresses and cookies of ${var.name}"
  encoded_key = "${trimspace(each.value.public_key)}\n" # as AWS returns it

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

resource "aws_cloudfront_cache_policy" "artifacts" {
  for_each = local.cdn

  name        = "${var.name}-artifacts"
  comment     = "What a file is, whose page may read it, and the name it is saved by"
  min_ttl     = 1
  default_ttl = 86400
  max_ttl     = 31536000

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true

    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "whitelist"

      headers {
        items = ["Origin"]
      }
    }

    query_strings_config {
      query_string_behavior = "whitelist"

      query_strings {
        items = ["response-content-disposition"]
      }
    }
  }
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
  aliases         = each.value.aliases
  http_version    = "http2and3"
  is_ipv6_enabled = true
  price_class     = each.value.price_class
  web_acl_id      = each.value.web_acl_arn

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
    cache_policy_id          = aws_cloudfront_cache_policy.artifacts[each.key].id
    origin_request_policy_id = data.aws_cloudfront_origin_request_policy.cors[each.key].id
    trusted_key_groups       = [aws_cloudfront_key_group.signers[each.key].id]
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = each.value.certificate_arn == null
    acm_certificate_arn            = each.value.certificate_arn
    ssl_support_method             = each.value.certificate_arn == null ? null : "sni-only"
    minimum_protocol_version       = each.value.certificate_arn == null ? "TLSv1" : "TLSv1.2_2021"
  }
}

locals {
  # The page's origin; CloudFront sends another Host to the API.
  public_origins = flatten([
    for distribution in aws_cloudfront_distribution.cdn :
    [for domain in concat(var.cdn.aliases, [distribution.domain_name]) : "https://${domain}"]
  ])

  # The API's key for CloudFront's signed URLs.
  signing = merge([
    for key, distribution in aws_cloudfront_distribution.cdn : {
      VIDEODROP_CDN__DOMAIN        = concat(var.cdn.aliases, [distribution.domain_name])[0]
      VIDEODROP_CDN__KEY_ID        = aws_cloudfront_public_key.signer[key].id
      VIDEODROP_CDN__KEY_PARAMETER = var.cdn.key_parameter
      VIDEODROP_PUBLIC_ORIGINS     = jsonencode(local.public_origins)
    }
  ]...)
}
