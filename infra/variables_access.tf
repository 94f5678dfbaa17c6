# Authentication, limits of use, and domains.

variable "sign_in" {
  description = <<-EOT
    Who may use the API:

    * "cognito": people of a pool that Terraform makes. An administrator adds them.
    * an object: holders of a token of your provider.
        * issuer, audience: the provider, and whom a token has to be for, at least one of these.
        * scopes: { read, replay }, the scopes a token needs to read, and to change anything. Without
          them every token permits everything.
        * page: { authorize, token, client_id, scope }, by which the page gets tokens: the provider's
          endpoints of OAuth 2.0's authorization code flow with PKCE, the page's client id, and the
          scope it asks for, by default openid. Without it people paste a token.
    * "open": everyone who knows its address.
  EOT
  type        = any
  default     = "cognito"
  nullable    = false

  validation {
    condition     = var.sign_in == "cognito" || var.sign_in == "open" || try(startswith(var.sign_in.issuer, "https://") && length(var.sign_in.audience) > 0, false)
    error_message = "sign_in is \"cognito\", \"open\", or an object whose issuer is an https address, with at least one audience."
  }
  validation {
    condition = try(length(setsubtract(keys(var.sign_in), ["issuer", "audience", "scopes", "page"])) == 0, true) && alltrue([
      for part, fields in { scopes = ["read", "replay"], page = ["authorize", "token", "client_id", "scope"] } :
      try(length(setsubtract(keys(var.sign_in[part]), fields)) == 0, true)
    ])
    error_message = "sign_in has an unknown attribute: it has issuer, audience, scopes (read, replay) and page (authorize, token, client_id, scope)."
  }
  validation {
    condition     = try(var.sign_in.scopes, null) == null || can(regex("^\\S+ \\S+$", "${var.sign_in.scopes.read} ${var.sign_in.scopes.replay}"))
    error_message = "scopes has both: read and replay."
  }
  validation {
    condition     = try(var.sign_in.page, null) == null || can(regex("^https://\\S+ https://[^\\s;,'\"?#*]+ \\S+$", "${var.sign_in.page.authorize} ${var.sign_in.page.token} ${var.sign_in.page.client_id}"))
    error_message = "Both endpoints of page must be https addresses, the one for tokens without parameters, and it needs a client_id."
  }
  validation {
    condition     = var.sign_in != "cognito" || !can(regex("aws|amazon|cognito", var.name))
    error_message = "With Cognito the name must not contain aws, amazon or cognito: a sign-in domain begins with it."
  }
}

variable "sign_in_clients" {
  description = "Ids of more clients of Cognito's pool whose tokens the API accepts: of programs, or of pages elsewhere."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.sign_in_clients) == 0 || var.sign_in == "cognito"
    error_message = "sign_in_clients is for sign_in = \"cognito\"; name those of your own provider in its audience."
  }
}

variable "max_replay_usd" {
  description = "Highest budget of a replay in USD, and that of one without a budget; null for any."
  type        = number
  default     = 20

  validation {
    condition     = var.max_replay_usd == null || try(var.max_replay_usd > 0, false)
    error_message = "Must be more than 0."
  }
}

variable "throttle" {
  description = "The API's rate limit in requests per second for all clients together, and its burst."
  type = object({
    rate  = optional(number, 50)
    burst = optional(number, 100)
  })
  default = {}

  validation {
    condition     = var.throttle.rate > 0 && var.throttle.burst >= 1 && floor(var.throttle.burst) == var.throttle.burst
    error_message = "The rate must be above 0 and the burst a whole number from 1: with less, the API answers nobody."
  }
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
    * web_acl_arn: your web ACL of AWS WAF, of the scope CLOUDFRONT. It filters what comes by CloudFront.
      HTTP APIs cannot have one: their own address stays behind sign_in and throttle alone.
  EOT
  type = object({
    public_key      = string
    key_parameter   = string
    price_class     = optional(string, "PriceClass_100")
    aliases         = optional(list(string), [])
    certificate_arn = optional(string)
    web_acl_arn     = optional(string)
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
  validation {
    condition     = try(var.cdn.web_acl_arn, null) == null || can(regex("^arn:[a-z-]+:wafv2:us-east-1:[0-9]{12}:global/webacl/", var.cdn.web_acl_arn))
    error_message = "CloudFront needs a web ACL of the scope CLOUDFRONT, arn:aws:wafv2:us-east-1:…:global/webacl/…."
  }
}
