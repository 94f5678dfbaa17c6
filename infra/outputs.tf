output "drop" {
  description = "Address for uploads of videos."
  value       = "s3://${local.uploads_bucket}/${local.topology.uploads.prefix}"
}

output "api" {
  description = "Address of the API and its page."
  value       = aws_apigatewayv2_api.query.api_endpoint
}

output "sign_in" {
  description = "The provider of the API's tokens and their scopes; with Cognito also its pool and its address. Null if the API is open."
  value = local.open ? null : {
    issuer   = local.issuer
    audience = local.audience
    scopes   = local.scopes
    pool     = one(aws_cognito_user_pool.people[*].id)
    address  = local.cognito_address
  }
}

output "cdn" {
  description = "Address at CloudFront; null without `cdn`."
  value       = try(local.public_origins[0], null)
}

output "domains" {
  description = "Target of the CNAME of each custom domain."
  value = merge(
    { for domain in aws_apigatewayv2_domain_name.api : domain.domain_name => domain.domain_name_configuration[0].target_domain_name },
    merge([
      for distribution in aws_cloudfront_distribution.cdn :
      { for alias in distribution.aliases : alias => distribution.domain_name }
    ]...),
  )
}

output "environment" {
  description = "Environment variables that connect `videodrop` on any machine to this installation."
  value = merge(local.replay_limit, {
    AWS_DEFAULT_REGION         = var.region
    VIDEODROP_NAME             = var.name
    VIDEODROP_UPLOADS_BUCKET   = local.uploads_bucket
    VIDEODROP_ARTIFACTS_BUCKET = module.artifacts.name
  })
}

output "queues" {
  description = "Addresses of the stages' queues, by stage and name."
  value       = { for name, stage in module.stage : name => { for queue, one in stage.queues : queue => one.url } }
}

output "rollouts" {
  description = "By function, the input of `aws deploy create-deployment --cli-input-json` that shifts it to the latest version. See README.md."
  value = {
    for name, rollout in merge(
      { for stage, one in module.stage : "${var.name}-${stage}" => one.rollout },
      { for one in [module.query, module.replays, module.janitor, module.events] : one.name => one.rollout },
    ) : name => rollout if rollout != null
  }
}

output "repositories" {
  description = "Repositories of the images."
  value       = { for kind, repository in aws_ecr_repository.images : kind => repository.repository_url }
}

output "alarm_topic" {
  description = "The topic of the alarms."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard" {
  description = "Address of the dashboard; null without one."
  value       = !var.dashboard ? null : "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${var.name}"
}
