# Who may use the API: people of a pool of Cognito, holders of another provider's tokens, or everyone.

resource "aws_cognito_user_pool" "people" {
  count = local.cognito ? 1 : 0

  name                     = var.name
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  mfa_configuration        = "OPTIONAL"
  deletion_protection      = var.deletion_protection ? "ACTIVE" : "INACTIVE"

  admin_create_user_config {
    allow_admin_create_user_only = true # nobody signs up
  }

  password_policy {
    minimum_length                   = 12
    temporary_password_validity_days = 7
  }

  software_token_mfa_configuration {
    enabled = true
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }
}

resource "aws_cognito_user_pool_domain" "people" {
  count = local.cognito ? 1 : 0

  # Unique in the region.
  domain                = "${var.name}-${local.account}"
  user_pool_id          = aws_cognito_user_pool.people[0].id
  managed_login_version = var.local ? null : 1 # pages that need no design of their own; moto has none
}

resource "aws_cognito_resource_server" "api" {
  count = local.cognito ? 1 : 0

  name         = "${var.name}-query"
  identifier   = var.name
  user_pool_id = aws_cognito_user_pool.people[0].id

  dynamic "scope" {
    for_each = {
      read   = "See videos, their results and what is in work"
      replay = "Change things and spend money: upload, delete, reprocess, pause, webhooks"
    }

    content {
      scope_name        = scope.key
      scope_description = scope.value
    }
  }
}

resource "aws_cognito_user_pool_client" "page" {
  count = local.cognito ? 1 : 0

  name                                 = "page"
  user_pool_id                         = aws_cognito_user_pool.people[0].id
  generate_secret                      = false # a page cannot keep one: it sends a PKCE challenge
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_scopes                 = aws_cognito_resource_server.api[0].scope_identifiers
  callback_urls                        = [for origin in local.own_origins : "${origin}/"]
  supported_identity_providers         = ["COGNITO"]
  prevent_user_existence_errors        = "ENABLED"
}

locals {
  cognito = var.sign_in == "cognito"
  open    = var.sign_in == "open"

  issuer   = local.cognito ? "https://${aws_cognito_user_pool.people[0].endpoint}" : try(var.sign_in.issuer, null)
  audience = local.cognito ? concat(aws_cognito_user_pool_client.page[*].id, var.sign_in_clients) : try(tolist(var.sign_in.audience), [])

  # The scope that a route asks for; null where any token will do.
  scopes = {
    for kind in ["read", "replay"] :
    kind => local.cognito ? "${var.name}/${kind}" : try(var.sign_in.scopes[kind], null)
  }

  # The page's provider of tokens.
  page = local.cognito ? jsonencode({
    authorize = "${local.cognito_address}/oauth2/authorize"
    token     = "${local.cognito_address}/oauth2/token"
    client_id = aws_cognito_user_pool_client.page[0].id
    scope     = join(" ", values(local.scopes))
  }) : try(jsonencode(merge({ scope = "openid" }, var.sign_in.page)), null)

  cognito_address = local.cognito ? "https://${aws_cognito_user_pool_domain.people[0].domain}.auth.${var.region}.amazoncognito.com" : null
}
