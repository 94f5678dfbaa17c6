# Authentication, throttling and domains.

variable "jwt" {
  description = <<-EOT
    Authentication of the API: tokens of this issuer, for one of these audiences. With null the API
    and its page are public.

    * sign_in: the page's provider of tokens, by OAuth 2.0's authorization code flow with PKCE: the
      endpoints for authorization and tokens, the page's client id, and the scope. With null people
      paste a token.
  EOT
  type = object({
    issuer   = string
    audience = list(string)
    sign_in = optional(object({
      authorize = string
      token     = string
      client_id = string
      scope     = optional(string, "openid")
    }))
  })
  default = null

  validation {
    condition     = var.jwt == null || try(startswith(var.jwt.issuer, "https://") && length(var.jwt.audience) > 0, false)
    error_message = "The issuer must be an https address, with at least one audience."
  }
  validation {
    condition     = try(var.jwt.sign_in, null) == null || can(regex("^https://\\S+ https://[^\\s;,'\"?#*]+$", "${var.jwt.sign_in.authorize} ${var.jwt.sign_in.token}"))
    error_message = "Both endpoints of `sign_in` must be https addresses, the one for tokens without parameters."
  }
}

variable "throttle" {
  description = "The API's rate limit in requests per second for all clients together, and its burst."
  type = object({
    rate  = optional(number, 50)
    burst = optional(number, 100)
  })
  default = {}
}

variable "api_domain" {
  description = "A custom domain of the API, and the ARN of its certificate in this region. The output `domains` has the target of its CNAME."
  type = object({
    name            = string
    certificate_arn = string
  })
  default = null

  validation {
    condition     = var.api_domain == null || can(regex("^([a-z0-9-]+\\.)+[a-z]+$", var.api_domain.name))
    error_message = "A domain looks like api.example.com."
  }
  validation {
    condition     = var.api_domain == null || can(regex("^arn:[a-z-]+:acm:${var.region}:", var.api_domain.certificate_arn))
    error_message = "The API's certificate must be one of ACM's in ${var.region}."
  }
}

variable "cdn" {
  description = <<-EOT
    CloudFront for the API, its page and the artifacts. With null there is none, and artifacts are
    available by the API's presigned S3 URLs only.

    * public_key: PEM of the RSA key for the API's signed URLs of artifacts.
    * key_parameter: name of your SSM parameter, a SecureString, with the private key.
    * price_class: the edge locations.
    * aliases, certificate_arn: custom domains and their certificate in us-east-1; addresses have the
      first one.
  EOT
  type = object({
    public_key      = string
    key_parameter   = string
    price_class     = optional(string, "PriceClass_100")
    aliases         = optional(list(string), [])
    certificate_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.cdn == null || can(regex("^-----BEGIN PUBLIC KEY-----", var.cdn.public_key))
    error_message = "The public key must be PEM, as `openssl rsa -pubout` writes it."
  }
  validation {
    condition     = var.cdn == null || can(regex("^/[A-Za-z0-9_./-]+$", var.cdn.key_parameter))
    error_message = "The name of a parameter looks like /videodrop/cdn-key."
  }
  validation {
    condition     = var.cdn == null || can(regex("^PriceClass_(100|200|All)$", var.cdn.price_class))
    error_message = "CloudFront has PriceClass_100, PriceClass_200 and PriceClass_All."
  }
  validation {
    condition     = var.cdn == null || try((length(var.cdn.aliases) > 0) == (var.cdn.certificate_arn != null), false)
    error_message = "Aliases need a certificate, and a certificate needs aliases."
  }
  validation {
    condition     = try(var.cdn.certificate_arn, null) == null || can(regex("^arn:[a-z-]+:acm:us-east-1:", var.cdn.certificate_arn))
    error_message = "CloudFront needs a certificate of ACM's in us-east-1."
  }
}
