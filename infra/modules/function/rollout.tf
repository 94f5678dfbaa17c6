# With CodeDeploy a new version gets no traffic until the alias is shifted to it; an alarm rolls it back.

resource "aws_codedeploy_deployment_group" "gradual" {
  for_each = var.common.rollout == null ? {} : { this = var.common.rollout }

  app_name               = each.value.app
  deployment_group_name  = aws_lambda_function.this.function_name
  deployment_config_name = each.value.config
  service_role_arn       = each.value.role_arn

  deployment_style {
    deployment_option = "WITH_TRAFFIC_CONTROL"
    deployment_type   = "BLUE_GREEN"
  }

  alarm_configuration {
    enabled = true
    # Long inputs and the account's limits are not faults of a version.
    alarms = concat([aws_cloudwatch_metric_alarm.errors.alarm_name], var.rollback_alarms)
  }

  auto_rollback_configuration {
    enabled = true
    events  = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]
  }
}

locals {
  # The input of `aws deploy create-deployment --cli-input-json`.
  # https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html
  rollouts = [
    for group in aws_codedeploy_deployment_group.gradual : {
      applicationName     = group.app_name
      deploymentGroupName = group.deployment_group_name
      revision = {
        revisionType = "AppSpecContent"
        appSpecContent = {
          content = jsonencode({
            version = "0.0"
            Resources = [{
              (local.alias.name) = {
                Type = "AWS::Lambda::Function"
                Properties = {
                  Name           = aws_lambda_function.this.function_name
                  Alias          = local.alias.name
                  CurrentVersion = local.alias.function_version
                  TargetVersion  = aws_lambda_function.this.version
                }
              }
            }]
          })
        }
      }
    } if local.alias.function_version != aws_lambda_function.this.version
  ]
}
