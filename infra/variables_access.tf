# Who may come in, and by which door.

variable "jwt" {
  description = "Who may use the API: tokens of this issuer, for one of these audiences. With null the API and its page are open to everyone who knows their address."
  type = object({
    issuer   = string
    audience = list(string)
  })
  default = null

  validation {
    condition     = var.jwt == null || try(startswith(var.jwt.issuer, "https://") && length(var.jwt.audience) > 0, false)
    error_message = "The issuer is an https address, and there is at least one audience."
  }
}

variable "throttle" {
  description = "Requests a second that the API takes from all its clients together, and how many at once beyond that."
  type = object({
    rate  = optional(number, 50)
    burst = optional(number, 100)
  })
  default = {}
}

variable "cdn" {
  description = <<-EOT
    CloudFront before the API, its page and the artifacts; none with null, and then the API's
    presigned S3 addresses are the only way to artifacts.

    * public_key: PEM of the RSA or ECDSA key by which addresses or cookies for artifacts are signed.
    * price_class: which edges serve.
  EOT
  type = object({
    public_key  = string
    price_class = optional(string, "PriceClass_100")
  })
  default = null

  validation {
    condition     = var.cdn == null || can(regex("^-----BEGIN PUBLIC KEY-----", var.cdn.public_key))
    error_message = "The public key is in PEM, as `openssl rsa -pubout` writes it."
  }
  validation {
    condition     = var.cdn == null || can(regex("^PriceClass_(100|200|All)$", var.cdn.price_class))
    error_message = "CloudFront has PriceClass_100, PriceClass_200 and PriceClass_All."
  }
}
