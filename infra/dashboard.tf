# The dashboard of the installation.

locals {
  stage_names = [for stage in keys(local.topology.stages) : "${var.name}-${stage}"]
  functions   = concat([for stage in values(module.stage) : stage.function if stage.function != null], [module.query.name, module.replays.name, module.janitor.name, module.events.name])
  lane_names  = flatten([for stage in values(module.stage) : keys(stage.queues)])

  graphs = [
    {
      title   = "Waiting messages"
      metrics = [for queue in local.lane_names : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue]]
      stat    = "Maximum"
    },
    {
      title   = "Age of the oldest message, s"
      metrics = [for queue in local.lane_names : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue]]
      stat    = "Maximum"
    },
    {
      title   = "Dead-lettered messages"
      metrics = [for name in concat(local.stage_names, [local.janitor, local.replays, local.events_name]) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${name}-dlq"]]
      stat    = "Maximum"
    },
    {
      title   = "Concurrent executions"
      metrics = [for name in local.functions : ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", name]]
      stat    = "Maximum"
    },
    {
      title   = "Longest execution, ms"
      metrics = [for name in local.functions : ["AWS/Lambda", "Duration", "FunctionName", name]]
      stat    = "Maximum"
    },
    {
      title   = "Failed executions"
      metrics = [for name in local.functions : ["AWS/Lambda", "Errors", "FunctionName", name]]
      stat    = "Sum"
    },
    {
      title   = "Failed runs"
      metrics = [for stage in keys(local.topology.stages) : [var.name, "runs_total", "stage", stage, "lane", "live", "outcome", "failed"]]
      stat    = "Sum"
    },
    {
      title   = "Range of a run, s (95th percentile)"
      metrics = [for stage in keys(local.topology.stages) : [var.name, "range_duration_seconds", "stage", stage, "outcome", "part"]]
      stat    = "p95"
    },
    {
      title   = "Wait for a worker, s (95th percentile)"
      metrics = [for stage in keys(local.topology.stages) : [var.name, "queue_wait_seconds", "stage", stage, "lane", "live"]]
      stat    = "p95"
    },
    {
      title   = "API: latency, ms (99th percentile)"
      metrics = [["AWS/ApiGateway", "Latency", "ApiId", aws_apigatewayv2_api.query.id]]
      stat    = "p99"
    },
    {
      title = "API: requests and errors"
      metrics = [
        for metric in ["Count", "4xx", "5xx"] : ["AWS/ApiGateway", metric, "ApiId", aws_apigatewayv2_api.query.id]
      ]
      stat = "Sum"
    },
    {
      title = "Table: units read and written, throttled requests"
      metrics = [
        for metric in ["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"] :
        ["AWS/DynamoDB", metric, "TableName", aws_dynamodb_table.catalog.name]
      ]
      stat = "Sum"
    },
  ]
}

resource "aws_cloudwatch_dashboard" "main" {
  count = var.dashboard ? 1 : 0

  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [
      for number, graph in local.graphs : {
        type   = "metric"
        x      = number % 3 * 8
        y      = floor(number / 3) * 6
        width  = 8
        height = 6
        properties = {
          title   = graph.title
          metrics = graph.metrics
          stat    = graph.stat
          period  = 60
          region  = var.region
          view    = "timeSeries"
        }
      }
    ]
  })
}
